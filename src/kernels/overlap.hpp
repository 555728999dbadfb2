// The exact overlap of quadrilaterals with a grid of unit pixels.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trueup {

// Corners of n quadrilaterals, in order around each of them; element k belongs to the k-th.
struct Quads {
    const double *x[4];
    const double *y[4];
};

constexpr std::ptrdiff_t batch_size = 128;

// Shares, summing to 1, of a batch of quadrilaterals in the N x N output pixels from
// (column[k], row[k]) on: share[j * N + i] that i to the right and j above.
template <int N>
struct Shares {
    static constexpr int side = N;
    std::int32_t column[batch_size], row[batch_size];
    std::int32_t fits[batch_size];  // 0 where the quadrilateral reaches beyond those pixels
    double share[N * N][batch_size];
};

// Shares of `count` <= batch_size quadrilaterals from the one at index `first` on.
void share_batch(const Quads &quads, std::ptrdiff_t first, std::ptrdiff_t count, Shares<2> &out);
void share_batch(const Quads &quads, std::ptrdiff_t first, std::ptrdiff_t count, Shares<3> &out);

// Shares of one quadrilateral of any size, row by row from (column, row) on.
struct WideShare {
    std::int32_t column, row, columns, rows;
    std::vector<double> share;
};
void share_wide(const Quads &quads, std::ptrdiff_t index, WideShare &out);

}  // namespace trueup
