// Cosmic rays: a chip compared with a clean image of the same sky, blotted on the fly.

#pragma once

#include <cstddef>
#include <cstdint>

#include "blot.hpp"
#include "pixmap.hpp"

namespace trueup {

// What the values of a chip mean.
struct ChipSignal {
    float conversion;     // electrons per native unit
    float sky;            // native units, still in the pixels
    float sky_electrons;  // the same in electrons
    float gain;
    float read_variance;  // electrons squared
};

struct ChipPixels {
    SourceImage sci;  // native units
    ChipSignal signal;
};

// The image to compare with and how it is blotted onto the chip.
struct CleanImage {
    SourceImage image;
    const PixelMap &map;
    BlotRules rules;
};

struct CosmicRules {
    float snr1, snr2;
    float scale1, scale2;
    std::ptrdiff_t grow;      // side of the square around a cosmic ray that is masked too
    std::ptrdiff_t cte_grow;  // pixels masked along its charge trail
    int trail;                // where charge trails lie: 1 on higher rows, -1 on lower, 0 none
    bool compat;              // borders as AstroDrizzle treats them
};

struct CosmicOutput {
    std::uint8_t *mask;  // 1 good, 0 cosmic ray
    float *blotted;      // the blotted image with its sky in native units; may be null
};

void reject_cosmic_rays(const ChipPixels &chip, const CleanImage &clean, const CosmicRules &rules,
                        const CosmicOutput &out, int threads);

}  // namespace trueup
