// Local maxima of an image.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trueup {

// An image and, for each of its square blocks, the level that a peak exceeds.
struct PeakField {
    const float *image;
    std::ptrdiff_t ny, nx;
    const float *level;
    std::ptrdiff_t block;
};

struct Peaks {
    std::vector<std::int64_t> y, x;
};

// Pixels that no neighbour tops, `margin` from the border, in reading order; NaN tops nothing, and of
// two equal neighbours the first is the peak.
Peaks find_peaks(const PeakField &field, std::ptrdiff_t margin);

}  // namespace trueup
