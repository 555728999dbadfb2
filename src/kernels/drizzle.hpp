// Drizzle: input pixels shared out over the output pixels they overlap.

#pragma once

#include <cstddef>
#include <cstdint>

#include "pixmap.hpp"

namespace trueup {

// The rows [first_row, first_row + ny) of one chip. Pixels of weight 0 and pixels that are not
// finite are left out.
struct Input {
    const float *data, *weight;
    std::ptrdiff_t first_row, nx, ny;
};

// Running sums of weight * value and of weight in the rows [first_row, first_row + ny) of the
// output frame. The context may be null; else `bit` is set wherever a pixel of this input falls.
struct Canvas {
    float *sum, *weight;
    std::int32_t *context;
    std::int32_t bit;
    std::ptrdiff_t first_row, nx, ny;
};

// Adds one chip with the square kernel: pixels shrunk by pixfrac, weight shared by exact overlap.
// Each thread owns bands of output rows and takes the input in one order, so that the sums depend
// neither on the number of threads nor on the rows of the canvas.
void drizzle_square(const Input &input, const PixelMap &map, double pixfrac, const Canvas &canvas,
                    int threads);

}  // namespace trueup
