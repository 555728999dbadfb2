#include "square.hpp"

#include <algorithm>

namespace trueup {

using std::ptrdiff_t;

CornerRows::CornerRows(const PixelMap &map, double pixfrac, ptrdiff_t nx)
    : map_(map), half_(pixfrac / 2), shared_(pixfrac == 1) {
    for (int c = 0; c < 4; ++c) {
        x_[c].resize(static_cast<std::size_t>(nx) + 1);
        y_[c].resize(x_[c].size());
    }
}

void CornerRows::restart(Span columns) {
    columns_ = columns;
    fresh_ = true;
}

Quads CornerRows::at(ptrdiff_t j) {
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

void CornerRows::evaluate(int corner, double y, double offset, ptrdiff_t extra) {
    map_.row(y, columns_.begin, offset, columns_.end - columns_.begin + extra, x_[corner].data(),
             y_[corner].data());
}

void Misfits::collect(const Quads &quads, ptrdiff_t first, ptrdiff_t size,
                      const Shares<2> &shares) {
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

namespace {

template <int N>
void add_shares(const Shares<N> &shares, ptrdiff_t k, const InputPixel &input, OutputRows &out) {
    const ptrdiff_t column = shares.column[k], row = shares.row[k];
    if (out.holds(column, row, N, N)) {
#pragma GCC unroll 9
        for (int p = 0; p < N * N; ++p) {
            out.add(column + p % N, row + p / N, shares.share[p][k], input);
        }
    } else {
        for (int p = 0; p < N * N; ++p) {
            out.add_if_held(column + p % N, row + p / N, shares.share[p][k], input);
        }
    }
}

}  // namespace

void Square::add_row(ptrdiff_t j, const InputRow &input, OutputRows &out) {
    const Quads quads = corners_.at(j);
    const ptrdiff_t n = columns_.end - columns_.begin;
    for (ptrdiff_t first = 0; first < n; first += batch_size) {
        add_batch(quads, first, std::min(batch_size, n - first), input, out);
    }
}

void Square::add_batch(const Quads &quads, ptrdiff_t first, ptrdiff_t count, const InputRow &input,
                       OutputRows &out) {
    share_batch(quads, first, count, small_);
    misfits_.collect(quads, first, count, small_);
    share_batch(misfits_.quads(), 0, misfits_.count, medium_);
    // in the order of the input, so that the sums do not depend on where a batch begins
    ptrdiff_t misfit = 0;
    for (ptrdiff_t k = 0; k < count; ++k) {
        const bool fits = small_.fits[k];
        const ptrdiff_t at = fits ? k : misfit++;
        const InputPixel pixel(input, columns_.begin + first + k);
        if (!pixel.counts()) {
            continue;
        }
        if (fits) {
            add_shares(small_, at, pixel, out);
        } else if (medium_.fits[at]) {
            add_shares(medium_, at, pixel, out);
        } else {
            add_wide(at, pixel, out);
        }
    }
}

void Square::add_wide(ptrdiff_t misfit, const InputPixel &input, OutputRows &out) {
    share_wide(misfits_.quads(), misfit, wide_);
    for (std::size_t p = 0; p < wide_.share.size(); ++p) {
        const auto at = static_cast<std::int32_t>(p);
        out.add_if_held(wide_.column + at % wide_.columns, wide_.row + at / wide_.columns,
                        wide_.share[p], input);
    }
}

}  // namespace trueup
