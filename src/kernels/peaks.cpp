#include "peaks.hpp"

#include <algorithm>

namespace trueup {

namespace {

using std::ptrdiff_t;

constexpr ptrdiff_t group = 8;

bool is_peak(const float *pixel, ptrdiff_t nx) {
    const float here = *pixel;
    for (const ptrdiff_t before : {-nx - 1, -nx, -nx + 1, ptrdiff_t{-1}}) {
        if (here <= pixel[before]) {
            return false;
        }
    }
    for (const ptrdiff_t after : {ptrdiff_t{1}, nx - 1, nx, nx + 1}) {
        if (here < pixel[after]) {
            return false;
        }
    }
    return true;
}

// Most groups of pixels hold none, and this loop is a few instructions for all of them.
bool any_above(const float *pixels, float level) {
    int above = 0;
    for (ptrdiff_t k = 0; k < group; ++k) {
        above |= pixels[k] > level;
    }
    return above != 0;
}

}  // namespace

Peaks find_peaks(const PeakField &field, ptrdiff_t margin) {
    const ptrdiff_t blocks = (field.nx + field.block - 1) / field.block;
    const ptrdiff_t first = std::max<ptrdiff_t>(margin, 1);
    Peaks found;
    for (ptrdiff_t y = first; y < field.ny - first; ++y) {
        const float *row = field.image + y * field.nx;
        for (ptrdiff_t b = 0; b < blocks; ++b) {
            const float level = field.level[y / field.block * blocks + b];
            const ptrdiff_t end = std::min((b + 1) * field.block, field.nx - first);
            for (ptrdiff_t x = std::max(b * field.block, first); x < end; x += group) {
                const ptrdiff_t n = std::min(group, end - x);
                if (n == group && !any_above(row + x, level)) {
                    continue;
                }
                for (ptrdiff_t k = 0; k < n; ++k) {
                    if (row[x + k] > level && is_peak(row + x + k, field.nx)) {
                        found.y.push_back(y);
                        found.x.push_back(x + k);
                    }
                }
            }
        }
    }
    return found;
}

}  // namespace trueup
