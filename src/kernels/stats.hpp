// Clipped statistics of the pixels of an image, in one pass over most of them.
//
// The rules are those of IRAF's imstatistics as HST's pipelines know them: the limits of each
// iteration come from mean and standard deviation of the one before, kept in single precision; the
// mode is the peak of a histogram, refined by a parabola.

#pragma once

#include <cstddef>
#include <cstdint>

namespace trueup {

// The pixels looked at. The mask (nonzero: use) and the spans (first, last + 1 of each row) may be
// null; pixels that are not finite are never used.
struct Region {
    const float *image;
    std::ptrdiff_t nx, ny;
    const std::uint8_t *mask;
    const std::int32_t *spans;
};

struct Clipping {
    int iterations;
    double low_sigma, high_sigma;
    float lower, upper;
};

// What is wanted beside mean, standard deviation and range.
struct Wanted {
    bool median, mode;
    double bin_sigma;
};

// Without a pixel all but npix are NaN; so is what was not wanted. bins is 1 where the data fall
// into a single bin, 0 where no mode was wanted.
struct Statistics {
    std::int64_t npix, bins;
    double mean, stddev, min, max, median, mode;
};

Statistics clipped_statistics(const Region &region, const Clipping &clipping, const Wanted &wanted);

}  // namespace trueup
