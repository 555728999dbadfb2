// A stack of images combined into one, pixel by pixel.

#pragma once

#include <cstddef>
#include <vector>

namespace trueup {

enum class Combine { median, mean, sum, minimum, minmed };

// Images of the same rows; each begins some pixels after the one before.
struct Stack {
    const float *sci, *wht;
    std::ptrdiff_t sci_stride, wht_stride;
    std::ptrdiff_t images, rows, nx;
};

// What is told about one image of the stack.
struct StackMember {
    double min_weight;     // pixels below are masked
    double background;     // electrons per unit of weight
    double read_variance;  // electrons squared
};

struct CombineRules {
    Combine method;
    bool fill_first;  // where all are masked, the first image instead of 0
    std::ptrdiff_t nlow, nhigh;
    float low, high;         // values outside [low, high) are masked
    double nsigma1, nsigma2;  // of minmed
    std::ptrdiff_t grow;      // of minmed
};

// Rows [first, last) of the stack combined into `out`. The other rows of the stack count as
// neighbours, so that an image combined in bands with `grow` extra rows equals one made at once.
// Values that are not finite are masked.
void combine(const Stack &stack, const std::vector<StackMember> &members,
             const CombineRules &rules, std::ptrdiff_t first, std::ptrdiff_t last, float *out,
             int threads);

}  // namespace trueup
