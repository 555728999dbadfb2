// Blot: an image interpolated at the positions of the pixels of a chip.

#pragma once

#include <cstddef>

#include "pixmap.hpp"

namespace trueup {

enum class Interpolation { nearest, linear, poly3, poly5, lanczos3 };

struct SourceImage {
    const float *data;
    std::ptrdiff_t nx, ny;
};

struct BlotRules {
    Interpolation interpolation;
    float factor;   // the result is value * factor / area
    float area;
    float missing;  // where a position lies outside the image
    // as the drizzle library does it: float positions, valid from 0 to the size of the image;
    // lanczos3 from a table in steps of 0.01 pixel, not normalised, only away from the border
    bool compat;
};

// Values at n positions.
void blot_row(const SourceImage &image, const BlotRules &rules, const double *x, const double *y,
              std::ptrdiff_t n, float *out);

// Values at the positions to which a map takes the pixels of a chip of nx by ny pixels.
void blot(const SourceImage &image, const PixelMap &map, const BlotRules &rules, float *out,
          std::ptrdiff_t nx, std::ptrdiff_t ny, int threads);

}  // namespace trueup
