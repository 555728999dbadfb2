#include "drizzle.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "overlap.hpp"
#include "parallel.hpp"

namespace trueup {

namespace {

using std::ptrdiff_t;

struct Span {
    ptrdiff_t begin, end;
    bool empty() const { return begin >= end; }
};

// Which input pixels may reach a band of output rows: cells of the input with the bounds of
// their corners in the output, a margin allowing for the curvature inside.
class Reach {
  public:
    static constexpr ptrdiff_t rows = 8, columns = 64;
    static constexpr double margin = 2;

    Reach(const Input &input, const PixelMap &map)
        : nx_(input.nx), cells_((input.nx + columns - 1) / columns) {
        const ptrdiff_t last = input.first_row + input.ny;
        const ptrdiff_t slabs = (input.ny + rows - 1) / rows;
        x_.reserve((slabs + 1) * (cells_ + 1));
        y_.reserve(x_.capacity());
        for (ptrdiff_t j = 0; j <= slabs; ++j) {
            for (ptrdiff_t i = 0; i <= cells_; ++i) {
                double x, y;
                map.row(static_cast<double>(std::min(input.first_row + j * rows, last)) - 0.5,
                        std::min(i * columns, nx_), -0.5, 1, &x, &y);
                x_.push_back(x);
                y_.push_back(y);
            }
        }
    }

    // Columns of the given input rows [slab * rows, ...) that may touch the band.
    Span columns_of(ptrdiff_t slab, Span band, ptrdiff_t width) const {
        ptrdiff_t first = cells_, last = -1;
        for (ptrdiff_t i = 0; i < cells_; ++i) {
            if (touches(y_, slab, i, band.begin, band.end) && touches(x_, slab, i, 0, width)) {
                first = std::min(first, i);
                last = i;
            }
        }
        return {first * columns, std::min((last + 1) * columns, nx_)};
    }

  private:
    bool touches(const std::vector<double> &at, ptrdiff_t slab, ptrdiff_t cell, ptrdiff_t begin,
                 ptrdiff_t end) const {
        const double *a = at.data() + slab * (cells_ + 1) + cell, *b = a + cells_ + 1;
        const double low = std::min({a[0], a[1], b[0], b[1]}) - margin;
        const double high = std::max({a[0], a[1], b[0], b[1]}) + margin;
        return high >= static_cast<double>(begin) && low <= static_cast<double>(end);
    }

    ptrdiff_t nx_, cells_;
    std::vector<double> x_, y_;
};

// The mapped corners of one input row after the other.
class CornerRows {
  public:
    CornerRows(const PixelMap &map, double pixfrac, ptrdiff_t nx)
        : map_(map), half_(pixfrac / 2), shared_(pixfrac == 1) {
        for (int c = 0; c < 4; ++c) {
            x_[c].resize(static_cast<std::size_t>(nx) + 1);
            y_[c].resize(x_[c].size());
        }
    }

    void restart(Span columns) {
        columns_ = columns;
        fresh_ = true;
    }

    // Corners of row j of the chip; rows must follow one another since the last restart.
    Quads at(ptrdiff_t j) {
        const double low = static_cast<double>(j) - half_, high = static_cast<double>(j) + half_;
        if (!shared_) {
            evaluate(0, low, -half_, 0);
            evaluate(1, low, half_, 0);
            evaluate(2, high, half_, 0);
            evaluate(3, high, -half_, 0);
            return {{x_[0].data(), x_[1].data(), x_[2].data(), x_[3].data()},
                    {y_[0].data(), y_[1].data(), y_[2].data(), y_[3].data()}};
        }
        // whole pixels touch: the corners above a row are those below the next one
        if (fresh_) {
            evaluate(0, low, -half_, 1);
        } else {
            std::swap(x_[0], x_[1]);
            std::swap(y_[0], y_[1]);
        }
        fresh_ = false;
        evaluate(1, high, -half_, 1);
        return {{x_[0].data(), x_[0].data() + 1, x_[1].data() + 1, x_[1].data()},
                {y_[0].data(), y_[0].data() + 1, y_[1].data() + 1, y_[1].data()}};
    }

  private:
    void evaluate(int corner, double y, double offset, ptrdiff_t extra) {
        map_.row(y, columns_.begin, offset, columns_.end - columns_.begin + extra,
                 x_[corner].data(), y_[corner].data());
    }

    const PixelMap &map_;
    double half_;
    bool shared_, fresh_ = true;
    Span columns_{0, 0};
    std::vector<double> x_[4], y_[4];
};

// The few quadrilaterals of a batch that need more than 2 x 2 pixels, packed together.
struct Misfits {
    double x[4][batch_size], y[4][batch_size];
    ptrdiff_t count;

    void collect(const Quads &quads, ptrdiff_t first, ptrdiff_t size, const Shares<2> &shares) {
        count = 0;
        for (ptrdiff_t k = 0; k < size; ++k) {
            if (!shares.fits[k]) {
                for (int c = 0; c < 4; ++c) {
                    x[c][count] = quads.x[c][first + k];
                    y[c][count] = quads.y[c][first + k];
                }
                ++count;
            }
        }
    }

    Quads quads() const { return {{x[0], x[1], x[2], x[3]}, {y[0], y[1], y[2], y[3]}}; }
};

// Adds input rows to the output rows of one band, counted in the whole frame.
class Band {
  public:
    Band(const Canvas &canvas, Span rows) : canvas_(canvas), rows_(rows) {}

    // Pixels of an input row whose corners are given; all arrays start at the same column.
    void add_row(const Quads &quads, const float *data, const float *weight, ptrdiff_t n) {
        for (ptrdiff_t first = 0; first < n; first += batch_size) {
            add_batch(quads, first, std::min(batch_size, n - first), data + first, weight + first);
        }
    }

  private:
    void add_batch(const Quads &quads, ptrdiff_t first, ptrdiff_t count, const float *data,
                   const float *weight) {
        share_batch(quads, first, count, small_);
        misfits_.collect(quads, first, count, small_);
        share_batch(misfits_.quads(), 0, misfits_.count, medium_);
        // in the order of the input, so that the sums do not depend on where a batch begins
        ptrdiff_t misfit = 0;
        for (ptrdiff_t k = 0; k < count; ++k) {
            const bool fits = small_.fits[k];
            const ptrdiff_t at = fits ? k : misfit++;
            if (weight[k] == 0 || !std::isfinite(data[k])) {
                continue;
            }
            if (fits) {
                add_shares(small_, at, data[k], weight[k]);
            } else if (medium_.fits[at]) {
                add_shares(medium_, at, data[k], weight[k]);
            } else {
                add_wide(at, data[k], weight[k]);
            }
        }
    }

    template <int N>
    void add_shares(const Shares<N> &shares, ptrdiff_t k, float value, float weight) {
        const ptrdiff_t column = shares.column[k], row = shares.row[k];
        if (column >= 0 && column + N <= canvas_.nx && row >= rows_.begin && row + N <= rows_.end) {
            for (int p = 0; p < N * N; ++p) {
                add(column + p % N, row + p / N, shares.share[p][k], value, weight);
            }
        } else {
            for (int p = 0; p < N * N; ++p) {
                add_owned(column + p % N, row + p / N, shares.share[p][k], value, weight);
            }
        }
    }

    void add_wide(ptrdiff_t misfit, float value, float weight) {
        share_wide(misfits_.quads(), misfit, wide_);
        for (std::size_t p = 0; p < wide_.share.size(); ++p) {
            const auto at = static_cast<std::int32_t>(p);
            add_owned(wide_.column + at % wide_.columns, wide_.row + at / wide_.columns,
                      wide_.share[p], value, weight);
        }
    }

    void add_owned(ptrdiff_t column, ptrdiff_t row, double share, float value, float weight) {
        if (column >= 0 && column < canvas_.nx && row >= rows_.begin && row < rows_.end) {
            add(column, row, share, value, weight);
        }
    }

    void add(ptrdiff_t column, ptrdiff_t row, double share, float value, float weight) {
        const ptrdiff_t at = (row - canvas_.first_row) * canvas_.nx + column;
        const auto part = static_cast<float>(weight * share);
        canvas_.sum[at] += part * value;
        canvas_.weight[at] += part;
        if (canvas_.context != nullptr) {
            canvas_.context[at] |= part > 0 ? canvas_.bit : 0;
        }
    }

    Canvas canvas_;
    Span rows_;
    Shares<2> small_;
    Shares<3> medium_;
    Misfits misfits_;
    WideShare wide_;
};

void drizzle_band(const Input &input, const PixelMap &map, double pixfrac, const Canvas &canvas,
                  const Reach &reach, Span rows) {
    Band band(canvas, rows);
    CornerRows corners(map, pixfrac, input.nx);
    for (ptrdiff_t slab = 0; slab * Reach::rows < input.ny; ++slab) {
        const Span columns = reach.columns_of(slab, rows, canvas.nx);
        if (columns.empty()) {
            continue;
        }
        corners.restart(columns);
        const ptrdiff_t end = std::min((slab + 1) * Reach::rows, input.ny);
        for (ptrdiff_t j = slab * Reach::rows; j < end; ++j) {
            const ptrdiff_t at = j * input.nx + columns.begin;
            band.add_row(corners.at(input.first_row + j), input.data + at, input.weight + at,
                         columns.end - columns.begin);
        }
    }
}

}  // namespace

void drizzle_square(const Input &input, const PixelMap &map, double pixfrac, const Canvas &canvas,
                    int threads) {
    const Reach reach(input, map);
    const ptrdiff_t bands = std::clamp(canvas.ny / 64, ptrdiff_t{1},
                                       threads > 1 ? ptrdiff_t{4} * threads : ptrdiff_t{1});
    parallel(threads, bands, [&](ptrdiff_t b) {
        drizzle_band(input, map, pixfrac, canvas, reach,
                     {canvas.first_row + b * canvas.ny / bands,
                      canvas.first_row + (b + 1) * canvas.ny / bands});
    });
}

}  // namespace trueup
