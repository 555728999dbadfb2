// Drizzle: input pixels shared out over the output pixels they overlap.

#pragma once

#include <cstddef>
#include <cstdint>

#include "pixmap.hpp"

namespace trueup {

// One chip. Pixels of weight 0 are left out whatever their value.
struct Input {
    const float *data, *weight;
    std::ptrdiff_t nx, ny;
};

// Running sums of weight * value and of weight. The context may be null; else `bit` is set
// wherever a pixel of this input falls.
struct Canvas {
    float *sum, *weight;
    std::int32_t *context;
    std::int32_t bit;
    std::ptrdiff_t nx, ny;
};

// Adds one chip with the square kernel: pixels shrunk by pixfrac, weight shared by exact overlap.
// Each thread owns bands of output rows and takes the input in one order, so that the sums do
// not depend on the number of threads.
void drizzle_square(const Input &input, const PixelMap &map, double pixfrac, const Canvas &canvas,
                    int threads);

}  // namespace trueup
