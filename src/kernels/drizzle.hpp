// Drizzle: input pixels shared out over the output pixels they fall on.

#pragma once

#include <cstddef>
#include <cstdint>

#include "pixmap.hpp"

namespace trueup {

// The rows [first_row, first_row + ny) of one chip. Pixels of weight 0 and pixels that are not
// finite are left out. The variance of the pixels may be null; `seconds` is the exposure time.
struct Input {
    const float *data, *weight, *variance;
    double seconds;
    std::ptrdiff_t first_row, nx, ny;
};

// Running sums of weight * value and of weight in the rows [first_row, first_row + ny) of the
// output frame. These may be null: the context, where `bit` is set wherever a pixel of this input
// falls; the sum of weight^2 * variance; the exposure time, each pixel counting with the part of
// the output pixel that it covers.
struct Canvas {
    float *sum, *weight;
    std::int32_t *context;
    std::int32_t bit;
    float *variance, *seconds;
    std::ptrdiff_t first_row, nx, ny;
};

// square: the pixel, shrunk by pixfrac, by exact overlap. The others fall around the centre of the
// pixel along the axes of the output, sized by pixfrac over scale = side of an output pixel over
// that of an input pixel: turbo a box, gaussian of FWHM pixfrac, lanczos2 and lanczos3 damped
// sines; point falls into one pixel.
enum class Kernel { square, turbo, point, gaussian, lanczos2, lanczos3 };

struct Drop {
    Kernel kernel;
    double pixfrac, scale;
};

// Adds one chip. Each thread owns bands of output rows and takes the input in one order, so that
// the sums depend neither on the number of threads nor on the rows of the canvas.
void drizzle(const Input &input, const PixelMap &map, const Drop &drop, const Canvas &canvas,
             int threads);

// Turns sums into weighted means; `fill` where the weight is 0.
void finish(const Canvas &canvas, float fill, int threads);

}  // namespace trueup
