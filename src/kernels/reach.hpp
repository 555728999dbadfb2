// Which input pixels may reach a band of output rows.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "drizzle.hpp"

namespace trueup {

struct Span {
    std::ptrdiff_t begin, end;
    bool empty() const { return begin >= end; }
};

// Cells of the chip with their corners in the output. The cells lie on multiples of their size
// whatever rows are given.
class Reach {
  public:
    static constexpr std::ptrdiff_t rows = 8, columns = 64;

    // The radius is that of a pixel's footprint in the output, beyond its corners.
    Reach(const Input &input, const PixelMap &map, double radius)
        : nx_(input.nx), cells_((input.nx + columns - 1) / columns),
          slabs_{input.first_row / rows, (input.first_row + input.ny + rows - 1) / rows},
          margin_(curvature + radius) {
        for (std::ptrdiff_t j = slabs_.begin; j <= slabs_.end; ++j) {
            for (std::ptrdiff_t i = 0; i <= cells_; ++i) {
                double x, y;
                map.row(static_cast<double>(j * rows) - 0.5, i * columns, -0.5, 1, &x, &y);
                x_.push_back(x);
                y_.push_back(y);
            }
        }
    }

    // The slabs of `rows` rows that hold the input.
    Span slabs() const { return slabs_; }

    // Columns of a slab that may touch the band.
    Span columns_of(std::ptrdiff_t slab, Span band, std::ptrdiff_t width) const {
        std::ptrdiff_t first = cells_, last = -1;
        for (std::ptrdiff_t i = 0; i < cells_; ++i) {
            if (touches(y_, slab, i, band.begin, band.end) && touches(x_, slab, i, 0, width)) {
                first = std::min(first, i);
                last = i;
            }
        }
        return {first * columns, std::min((last + 1) * columns, nx_)};
    }

    // Area of an input pixel in output pixels, cell by cell, times a factor.
    void areas_of(std::ptrdiff_t slab, double factor, std::vector<float> &out) const {
        out.resize(static_cast<std::size_t>(cells_));
        for (std::ptrdiff_t i = 0; i < cells_; ++i) {
            const std::ptrdiff_t a = at(slab, i), b = at(slab + 1, i);
            const double cross = (x_[b + 1] - x_[a]) * (y_[b] - y_[a + 1]) -
                                 (x_[b] - x_[a + 1]) * (y_[b + 1] - y_[a]);
            out[i] = static_cast<float>(std::abs(cross) / 2 * factor / (rows * columns));
        }
    }

  private:
    static constexpr double curvature = 2;

    std::ptrdiff_t at(std::ptrdiff_t slab, std::ptrdiff_t cell) const {
        return (slab - slabs_.begin) * (cells_ + 1) + cell;
    }

    bool touches(const std::vector<double> &where, std::ptrdiff_t slab, std::ptrdiff_t cell,
                 std::ptrdiff_t begin, std::ptrdiff_t end) const {
        const double *a = where.data() + at(slab, cell), *b = a + cells_ + 1;
        const double low = std::min({a[0], a[1], b[0], b[1]}) - margin_;
        const double high = std::max({a[0], a[1], b[0], b[1]}) + margin_;
        return high >= static_cast<double>(begin) && low <= static_cast<double>(end);
    }

    std::ptrdiff_t nx_, cells_;
    Span slabs_;
    double margin_;
    std::vector<double> x_, y_;
};

}  // namespace trueup
