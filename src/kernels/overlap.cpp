#include "overlap.hpp"

#include <algorithm>

// The same operations on wider registers where the processor has them. Without fused or
// reordered arithmetic the results are the same to the bit.
#if defined(__x86_64__) && defined(__GNUC__) && defined(__GLIBC__)
#define TRUEUP_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define TRUEUP_WIDE
#endif

#define TRUEUP_INLINE inline __attribute__((always_inline))

namespace trueup {

namespace {

using std::int32_t;
using std::ptrdiff_t;

// Overlaps below this are rounding of the differences of areas.
constexpr double negligible = 1e-12;

// Lets a conversion to integer round down for negative pixels, too.
constexpr int32_t bias = 1 << 20;

TRUEUP_INLINE double larger(double a, double b) { return a > b ? a : b; }
TRUEUP_INLINE double smaller(double a, double b) { return a < b ? a : b; }
TRUEUP_INLINE int32_t rounded_down(double x) { return static_cast<int32_t>(x + bias) - bias; }
TRUEUP_INLINE double cleaned(double share) { return share > negligible ? share : 0; }

// Integral over dy of max(0, line - x) along an edge, with p and q = line - x at its ends.
TRUEUP_INLINE double left_of_line(double p, double q, double dy) {
    const double kept_p = larger(p, 0), kept_q = larger(q, 0), length = q - p;
    const double part = length == 0 ? 1 : (kept_q - kept_p) / (length == 0 ? 1 : length);
    return 0.5 * (kept_p + kept_q) * part * dy;
}

// Areas of a quadrilateral at x < i and y < j for i, j = 1 to N (N: no limit), by Green's
// theorem edge by edge; below[j - 1][i - 1].
template <int N>
struct Areas {
    double below[N][N] = {};

    TRUEUP_INLINE void add_edge(double px, double py, double qx, double qy) {
        const double height = qy - py;
        // a level edge has no height and adds nothing
        const double slope = height == 0 ? 0 : (qx - px) / (height == 0 ? 1 : height);
#pragma GCC unroll 4
        for (int j = 0; j < N; ++j) {
            const bool cut = j < N - 1;
            const double p_y = cut ? smaller(py, j + 1) : py, q_y = cut ? smaller(qy, j + 1) : qy;
            const double p_x = cut ? px + (p_y - py) * slope : px;
            const double q_x = cut ? qx + (q_y - qy) * slope : qx;
            const double dy = q_y - p_y;
#pragma GCC unroll 4
            for (int i = 0; i < N - 1; ++i) {
                below[j][i] -= left_of_line(i + 1 - p_x, i + 1 - q_x, dy);
            }
            below[j][N - 1] += 0.5 * (p_x + q_x) * dy;
        }
    }

    TRUEUP_INLINE double pixel(int i, int j) const {
        const double left = i > 0 ? below[j][i - 1] : 0, under = j > 0 ? below[j - 1][i] : 0;
        return below[j][i] - left - under + (i > 0 && j > 0 ? below[j - 1][i - 1] : 0);
    }
};

template <int N>
TRUEUP_INLINE void share_all(const Quads &quads, ptrdiff_t first, ptrdiff_t count, Shares<N> &out) {
    const double *x0 = quads.x[0] + first, *x1 = quads.x[1] + first;
    const double *x2 = quads.x[2] + first, *x3 = quads.x[3] + first;
    const double *y0 = quads.y[0] + first, *y1 = quads.y[1] + first;
    const double *y2 = quads.y[2] + first, *y3 = quads.y[3] + first;
    for (ptrdiff_t k = 0; k < count; ++k) {
        const double low_x = smaller(smaller(x0[k], x1[k]), smaller(x2[k], x3[k])) + 0.5;
        const double low_y = smaller(smaller(y0[k], y1[k]), smaller(y2[k], y3[k])) + 0.5;
        const double high_x = larger(larger(x0[k], x1[k]), larger(x2[k], x3[k])) + 0.5;
        const double high_y = larger(larger(y0[k], y1[k]), larger(y2[k], y3[k])) + 0.5;
        const int32_t column = rounded_down(low_x), row = rounded_down(low_y);
        const double dx = 0.5 - column, dy = 0.5 - row;
        Areas<N> areas;
        areas.add_edge(x0[k] + dx, y0[k] + dy, x1[k] + dx, y1[k] + dy);
        areas.add_edge(x1[k] + dx, y1[k] + dy, x2[k] + dx, y2[k] + dy);
        areas.add_edge(x2[k] + dx, y2[k] + dy, x3[k] + dx, y3[k] + dy);
        areas.add_edge(x3[k] + dx, y3[k] + dy, x0[k] + dx, y0[k] + dy);
        const double norm = 1 / areas.below[N - 1][N - 1];
        out.column[k] = column;
        out.row[k] = row;
        out.fits[k] = (high_x - column <= N) & (high_y - row <= N);
#pragma GCC unroll 4
        for (int j = 0; j < N; ++j) {
#pragma GCC unroll 4
            for (int i = 0; i < N; ++i) {
                out.share[j * N + i][k] = cleaned(areas.pixel(i, j) * norm);
            }
        }
    }
}

}  // namespace

TRUEUP_WIDE
void share_batch(const Quads &quads, ptrdiff_t first, ptrdiff_t count, Shares<2> &out) {
    share_all(quads, first, count, out);
}

TRUEUP_WIDE
void share_batch(const Quads &quads, ptrdiff_t first, ptrdiff_t count, Shares<3> &out) {
    share_all(quads, first, count, out);
}

void share_wide(const Quads &quads, ptrdiff_t index, WideShare &out) {
    double x[4], y[4];
    for (int c = 0; c < 4; ++c) {
        x[c] = quads.x[c][index] + 0.5;
        y[c] = quads.y[c][index] + 0.5;
    }
    const auto [low_x, high_x] = std::minmax_element(x, x + 4);
    const auto [low_y, high_y] = std::minmax_element(y, y + 4);
    out.column = rounded_down(*low_x);
    out.row = rounded_down(*low_y);
    out.columns = rounded_down(*high_x) - out.column + 1;
    out.rows = rounded_down(*high_y) - out.row + 1;
    out.share.assign(static_cast<std::size_t>(out.columns) * out.rows, 0);
    double whole = 0;
    // area below and left of every grid point; differences of neighbours are the pixels
    for (int32_t j = 0; j < out.rows; ++j) {
        for (int32_t i = 0; i < out.columns; ++i) {
            Areas<2> areas;
            const double dx = -out.column - i, dy = -out.row - j;
            for (int c = 0; c < 4; ++c) {
                const int next = (c + 1) % 4;
                areas.add_edge(x[c] + dx, y[c] + dy, x[next] + dx, y[next] + dy);
            }
            out.share[static_cast<std::size_t>(j) * out.columns + i] = areas.below[0][0];
            whole = areas.below[1][1];
        }
    }
    for (int32_t j = out.rows - 1; j >= 0; --j) {
        double *upper = out.share.data() + static_cast<std::size_t>(j) * out.columns;
        const double *lower = upper - out.columns;
        for (int32_t i = out.columns - 1; i >= 0; --i) {
            const double left = i > 0 ? upper[i - 1] : 0, under = j > 0 ? lower[i] : 0;
            const double area = upper[i] - left - under + (i > 0 && j > 0 ? lower[i - 1] : 0);
            upper[i] = cleaned(area / whole);
        }
    }
}

}  // namespace trueup
