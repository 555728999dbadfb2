#include "pixmap.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace trueup {

namespace {

using std::ptrdiff_t;

// Lagrange weights of the nodes at -1, 0, 1, 2 for a point t in [0, 1].
std::array<double, 4> cubic_weights(double t) {
    return {-t * (t - 1) * (t - 2) / 6, (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2, (t + 1) * t * (t - 1) / 6};
}

// Coefficients of the same cubic in powers of t, from the four node values.
std::array<double, 4> cubic_powers(const std::array<double, 4> &p) {
    return {p[1], -p[0] / 3 - p[1] / 2 + p[2] - p[3] / 6, p[0] / 2 - p[1] + p[2] / 2,
            -p[0] / 6 + p[1] / 2 - p[2] / 2 + p[3] / 6};
}

// The cell of an even grid, one node away from its border so that a cubic has four nodes.
ptrdiff_t inner_cell(double at, ptrdiff_t nodes) {
    return std::clamp(static_cast<ptrdiff_t>(std::floor(at)), ptrdiff_t{1}, nodes - 3);
}

// The cell [nodes[i], nodes[i + 1]) that holds a value; the outer cells reach to infinity.
ptrdiff_t break_cell(const std::vector<double> &nodes, double value) {
    const auto after = std::upper_bound(nodes.begin(), nodes.end(), value);
    return std::clamp(static_cast<ptrdiff_t>(after - nodes.begin()) - 1, ptrdiff_t{0},
                      static_cast<ptrdiff_t>(nodes.size()) - 2);
}

// How many of the n positions first + k + offset lie before a limit.
ptrdiff_t positions_before(double limit, ptrdiff_t first, double offset, ptrdiff_t n) {
    const auto integer = static_cast<ptrdiff_t>(std::ceil(limit - offset));
    return std::clamp(integer - first, ptrdiff_t{0}, n);
}

// first + k + offset with a single rounding; 32 bits convert faster.
inline double position(ptrdiff_t first, ptrdiff_t k, double offset) {
    return static_cast<double>(static_cast<int>(first + k)) + offset;
}

}  // namespace

PixelMap::PixelMap(SmoothGrid smooth, BreakGrid breaks)
    : smooth_(std::move(smooth)), breaks_(std::move(breaks)) {}

void PixelMap::row(double y, ptrdiff_t first, double offset, ptrdiff_t n, double *out_x,
                   double *out_y) const {
    if (smooth_.x.empty()) {
        std::fill_n(out_x, n, 0.0);
        std::fill_n(out_y, n, 0.0);
    } else {
        set_smooth(y, first, offset, n, out_x, out_y);
    }
    if (!breaks_.xs.empty()) {
        add_breaks(y, first, offset, n, out_x, out_y);
    }
}

void PixelMap::set_smooth(double y, ptrdiff_t first, double offset, ptrdiff_t n, double *out_x,
                          double *out_y) const {
    const SmoothGrid &g = smooth_;
    const double row_at = (y - g.y0) / g.step;
    const ptrdiff_t j = inner_cell(row_at, g.ny);
    const std::array<double, 4> weight = cubic_weights(row_at - static_cast<double>(j));
    const auto node = [&](const std::vector<double> &values, ptrdiff_t i) {
        const double *p = values.data() + (j - 1) * g.nx + i;
        return weight[0] * p[0] + weight[1] * p[g.nx] + weight[2] * p[2 * g.nx] +
               weight[3] * p[3 * g.nx];
    };
    const double per_step = 1 / g.step;
    ptrdiff_t k = 0;
    for (ptrdiff_t cell = inner_cell((position(first, 0, offset) - g.x0) / g.step, g.nx); k < n;
         ++cell) {
        const double left = g.x0 + static_cast<double>(cell) * g.step;
        const ptrdiff_t end =
            cell == g.nx - 3 ? n : positions_before(left + g.step, first, offset, n);
        std::array<double, 4> px, py;
        for (ptrdiff_t m = 0; m < 4; ++m) {
            px[m] = node(g.x, cell - 1 + m);
            py[m] = node(g.y, cell - 1 + m);
        }
        const std::array<double, 4> a = cubic_powers(px), b = cubic_powers(py);
        for (; k < end; ++k) {
            const double t = (position(first, k, offset) - left) * per_step;
            out_x[k] = ((a[3] * t + a[2]) * t + a[1]) * t + a[0];
            out_y[k] = ((b[3] * t + b[2]) * t + b[1]) * t + b[0];
        }
    }
}

void PixelMap::add_breaks(double y, ptrdiff_t first, double offset, ptrdiff_t n, double *out_x,
                          double *out_y) const {
    const BreakGrid &g = breaks_;
    const auto nx = static_cast<ptrdiff_t>(g.xs.size());
    const ptrdiff_t j = break_cell(g.ys, y);
    const double f = (y - g.ys[j]) / (g.ys[j + 1] - g.ys[j]);
    const auto node = [&](const std::vector<double> &values, ptrdiff_t i) {
        return (1 - f) * values[j * nx + i] + f * values[(j + 1) * nx + i];
    };
    ptrdiff_t k = 0;
    for (ptrdiff_t i = break_cell(g.xs, position(first, 0, offset)); k < n; ++i) {
        const double left = g.xs[i], width = g.xs[i + 1] - left;
        const ptrdiff_t end =
            i == nx - 2 ? n : positions_before(g.xs[i + 1], first, offset, n);
        const double ax = node(g.x, i), ay = node(g.y, i);
        const double bx = (node(g.x, i + 1) - ax) / width, by = (node(g.y, i + 1) - ay) / width;
        for (; k < end; ++k) {
            const double t = position(first, k, offset) - left;
            out_x[k] += ax + bx * t;
            out_y[k] += ay + by * t;
        }
    }
}

}  // namespace trueup
