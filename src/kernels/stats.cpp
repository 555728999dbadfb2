#include "stats.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace trueup {

namespace {

using std::int64_t;
using std::ptrdiff_t;

constexpr float largest = std::numeric_limits<float>::max();
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
// fewer pixels than that are all kept
constexpr int64_t sample_size = 1 << 16;
// how far, in standard deviations, the limits may lie from those of the sample
constexpr float margin_sigma = 1;
// how far, in its own standard errors, the median may lie from that of the sample
constexpr double window_errors = 6;

// Calls use(row, n) with the pixels of each row; what the mask excludes is NaN.
template <class Use>
void each_row(const Region &region, const Use &use) {
    std::vector<float> masked(region.mask ? region.nx : 0);
    for (ptrdiff_t y = 0; y < region.ny; ++y) {
        const ptrdiff_t first = region.spans ? region.spans[2 * y] : 0;
        const ptrdiff_t n = (region.spans ? region.spans[2 * y + 1] : region.nx) - first;
        if (n <= 0) {
            continue;
        }
        const float *row = region.image + y * region.nx + first;
        if (region.mask) {
            const std::uint8_t *good = region.mask + y * region.nx + first;
            for (ptrdiff_t i = 0; i < n; ++i) {
                masked[i] = good[i] ? row[i] : not_a_number;
            }
            row = masked.data();
        }
        use(row, n);
    }
}

bool is_finite(float value) { return value >= -largest && value <= largest; }

// Values that no clipping limit is expected to part: [low, high] without the window around the
// median. They are only counted and summed.
struct Plain {
    float low = infinity, high = -infinity;
    float window_low = infinity, window_high = -infinity;
    float pivot = 0;
};

// Sums of value - pivot over some pixels.
struct Sums {
    int64_t n = 0, below_window = 0;
    double first = 0, second = 0;
};

// The pixels of a region: sums of the plain ones and all others one by one.
struct Pixels {
    Plain plain;
    Sums sums;
    // padded with NaN to whole groups of lanes
    std::vector<float> others;
    float first = not_a_number;
};

// Vectors of the compiler: a loop that sums does not vectorise by itself, for that would change the
// order of the sum; here the order is written down.
constexpr ptrdiff_t lanes = 4;
typedef float Floats __attribute__((vector_size(4 * lanes)));
typedef std::int32_t Ints __attribute__((vector_size(4 * lanes)));
typedef double Doubles __attribute__((vector_size(8 * lanes)));

// Sums the plain values of n, a whole number of groups of lanes; tells which they are where asked.
void add_plain(const float *values, ptrdiff_t n, const Plain &p, Sums &sums,
               std::int32_t *plainly = nullptr) {
    const Floats low = Floats{} + p.low, high = Floats{} + p.high, pivot = Floats{} + p.pivot;
    const Floats window_low = Floats{} + p.window_low, window_high = Floats{} + p.window_high;
    const Doubles pivots = __builtin_convertvector(pivot, Doubles);
    Ints below{}, plain{};
    Doubles first{}, second{};
    for (ptrdiff_t i = 0; i < n; i += lanes) {
        Floats value;
        std::memcpy(&value, values + i, sizeof value);
        const Ints inside = (value >= low) & (value <= high);
        const Ints is_plain = inside & ~((value >= window_low) & (value <= window_high));
        below -= inside & (value < window_low);
        plain -= is_plain;
        const Floats summed = is_plain ? value : pivot;
        const Doubles d = __builtin_convertvector(summed, Doubles) - pivots;
        first += d;
        second += d * d;
        if (plainly) {
            std::memcpy(plainly + i, &is_plain, sizeof is_plain);
        }
    }
    for (ptrdiff_t k = 0; k < lanes; ++k) {
        sums.below_window += below[k];
        sums.n += plain[k];
        sums.first += first[k];
        sums.second += second[k];
    }
}

// A bit for each of 64 values that is not plain.
std::uint64_t others_of_64(const std::int32_t *plainly) {
    std::uint64_t bits = 0;
    for (int k = 0; k < 64; k += 4) {
        const std::int32_t four = (plainly[k] & 1) | (plainly[k + 1] & 2) | (plainly[k + 2] & 4) |
                                  (plainly[k + 3] & 8);
        bits |= static_cast<std::uint64_t>(four) << k;
    }
    return ~bits;
}

// Appends the finite values that are not plain; few are.
void append_others(const float *row, ptrdiff_t n, const std::int32_t *plainly,
                   std::vector<float> &others) {
    std::size_t size = others.size();
    others.resize(size + n);
    float *out = others.data();
    for (ptrdiff_t i = 0; i < n; i += 64) {
        for (std::uint64_t bits = others_of_64(plainly + i); bits; bits &= bits - 1) {
            const ptrdiff_t at = i + __builtin_ctzll(bits);
            if (at >= n) {
                break;
            }
            out[size] = row[at];
            size += std::abs(row[at]) <= largest;
        }
    }
    others.resize(size);
}

void pad(std::vector<float> &values) {
    values.resize((values.size() + lanes - 1) / lanes * lanes, not_a_number);
}

Pixels collect(const Region &region, const Plain &plain) {
    Pixels pixels;
    pixels.plain = plain;
    std::vector<std::int32_t> plainly(region.nx + 64);  // looked at in groups of 64
    each_row(region, [&](const float *row, ptrdiff_t n) {
        for (ptrdiff_t i = 0; i < n && std::isnan(pixels.first); ++i) {
            pixels.first = is_finite(row[i]) ? row[i] : pixels.first;
        }
        const ptrdiff_t whole = n - n % lanes;
        std::fill(plainly.begin() + whole, plainly.end(), 0);
        add_plain(row, whole, plain, pixels.sums, plainly.data());
        append_others(row, n, plainly.data(), pixels.others);
    });
    pad(pixels.others);
    if (pixels.sums.n == 0 && is_finite(pixels.first)) {
        pixels.plain.pivot = pixels.first;
    }
    return pixels;
}

// One clipping iteration's result; mean and stddev in single precision.
struct Moments {
    float low, high;
    int64_t n = 0;
    float mean = 0, stddev = 0, min = 0, max = 0;
};

Moments moments_within(const Pixels &pixels, float low, float high) {
    const Plain within{low, high, infinity, -infinity, pixels.plain.pivot};
    const double pivot = within.pivot;
    Sums sums = pixels.sums;
    add_plain(pixels.others.data(), static_cast<ptrdiff_t>(pixels.others.size()), within, sums);
    Moments m{low, high};
    m.n = sums.n;
    if (m.n == 0) {
        return m;
    }
    const auto n = static_cast<double>(sums.n);
    m.mean = static_cast<float>(pivot + sums.first / n);
    const double shift = m.mean - pivot;
    const double squares = sums.second - 2 * shift * sums.first + n * shift * shift;
    m.stddev = static_cast<float>(std::sqrt(std::max(squares, 0.0) / (n - 1)));
    return m;
}

// Lowest and highest value within the limits. False where a plain one, not known, may be it.
bool set_range(const Pixels &pixels, Moments &m) {
    float min = infinity, max = -infinity;
    for (const float value : pixels.others) {
        const bool inside = value >= m.low && value <= m.high;
        min = inside && value < min ? value : min;
        max = inside && value > max ? value : max;
    }
    // where the first pixel is clipped, its limit stands in for the extreme: so do HST's pipelines
    m.min = pixels.first < m.low ? m.low : min;
    m.max = pixels.first > m.high ? m.high : max;
    return pixels.sums.n == 0 || (min <= pixels.plain.low && max >= pixels.plain.high);
}

// Clips until the iterations are spent. False where a limit parts the plain pixels.
bool clip(Pixels &pixels, const Clipping &clipping, Moments &m) {
    Plain &plain = pixels.plain;
    float low = clipping.lower, high = clipping.upper;
    for (int iteration = 0;; ++iteration) {
        if (pixels.sums.n > 0 && !(low <= plain.low && high >= plain.high)) {
            return false;
        }
        m = moments_within(pixels, low, high);
        if (m.n == 0 || iteration == clipping.iterations) {
            return true;
        }
        if (pixels.sums.n == 0) {
            plain.pivot = m.mean;
        }
        const double below = m.mean - clipping.low_sigma * m.stddev;
        const double above = m.mean + clipping.high_sigma * m.stddev;
        low = below > clipping.lower ? static_cast<float>(below) : clipping.lower;
        high = above < clipping.upper ? static_cast<float>(above) : clipping.upper;
    }
}

int64_t count(const Region &region) {
    if (!region.spans) {
        return region.nx * region.ny;
    }
    int64_t total = 0;
    for (ptrdiff_t y = 0; y < region.ny; ++y) {
        total += std::max(region.spans[2 * y + 1] - region.spans[2 * y], 0);
    }
    return total;
}

// An even sample of the finite pixels, shifted from row to row.
std::vector<float> sample(const Region &region, int64_t total) {
    std::vector<float> values;
    const auto stride = static_cast<std::uint64_t>(total / sample_size);
    std::uint64_t row_number = 0;
    each_row(region, [&](const float *row, ptrdiff_t n) {
        const std::uint64_t start = (row_number++ * 2654435761u) % stride;
        for (auto i = static_cast<ptrdiff_t>(start); i < n; i += static_cast<ptrdiff_t>(stride)) {
            if (is_finite(row[i])) {
                values.push_back(row[i]);
            }
        }
    });
    return values;
}

float select(std::vector<float> &values, ptrdiff_t rank) {
    std::nth_element(values.begin(), values.begin() + rank, values.end());
    return values[rank];
}

void keep_within(std::vector<float> &values, float low, float high) {
    const auto outside = [=](float value) { return !(value >= low && value <= high); };
    values.erase(std::remove_if(values.begin(), values.end(), outside), values.end());
}

// What a sample lets expect to be plain; nothing where the region is small.
Plain expected_plain(const Region &region, const Clipping &clipping) {
    const int64_t total = count(region);
    Pixels sampled;
    if (total < 2 * sample_size || clipping.iterations == 0) {
        return sampled.plain;
    }
    sampled.others = sample(region, total);
    pad(sampled.others);
    Moments m;
    clip(sampled, clipping, m);
    keep_within(sampled.others, m.low, m.high);
    const auto n = static_cast<double>(sampled.others.size());
    if (n < sample_size / 8.0) {
        return {};
    }
    const double error = window_errors * std::sqrt(n) / 2;
    Plain plain;
    plain.low = m.low + margin_sigma * m.stddev;
    plain.high = m.high - margin_sigma * m.stddev;
    plain.window_low = select(sampled.others, static_cast<ptrdiff_t>(n / 2 - error));
    plain.window_high = select(sampled.others, static_cast<ptrdiff_t>(n / 2 + error));
    plain.pivot = m.mean;
    return plain;
}

// Mean of the one or two values in the middle; the order of values is lost.
float middle(std::vector<float> &values, ptrdiff_t low_rank, ptrdiff_t high_rank) {
    const float high = select(values, high_rank);
    const float low =
        low_rank == high_rank ? high
                              : *std::max_element(values.begin(), values.begin() + high_rank);
    return (low + high) * 0.5f;
}

float median(const Region &region, const Pixels &pixels, const Moments &m) {
    const Plain &plain = pixels.plain;
    const auto low_rank = static_cast<ptrdiff_t>((m.n - 1) / 2);
    const auto high_rank = static_cast<ptrdiff_t>(m.n / 2);
    const bool windowed = pixels.sums.n > 0;
    const float low = windowed ? plain.window_low : m.low;
    const float high = windowed ? plain.window_high : m.high;
    std::vector<float> window;
    auto below = static_cast<ptrdiff_t>(pixels.sums.below_window);
    for (const float value : pixels.others) {
        below += value >= m.low && value < low;
        if (value >= low && value <= high) {
            window.push_back(value);
        }
    }
    if (low_rank >= below && high_rank < below + static_cast<ptrdiff_t>(window.size())) {
        return middle(window, low_rank - below, high_rank - below);
    }
    window.clear();
    each_row(region, [&](const float *row, ptrdiff_t n) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            if (row[i] >= m.low && row[i] <= m.high) {
                window.push_back(row[i]);
            }
        }
    });
    return middle(window, low_rank, high_rank);
}

// Counts in bins of equal width from min; single precision decides the bin, as in the peers.
std::vector<std::uint32_t> histogram(const Region &region, float min, float width, ptrdiff_t bins) {
    const float per_width = 1.0f / width;
    const auto count_of_bins = static_cast<float>(bins);
    float edge = min + width * count_of_bins;
    bool with_edge = static_cast<ptrdiff_t>(per_width * (edge - min)) == bins;
    if (with_edge) {
        edge = std::min(edge, edge * (1.0f - std::numeric_limits<float>::epsilon()));
    }
    // neighbouring pixels often share a bin: four copies do not wait for one another
    constexpr ptrdiff_t copies = 4;
    std::vector<std::uint32_t> counts(copies * (bins + 1));
    std::vector<std::int32_t> bin_of(region.nx);
    const auto outside = static_cast<std::int32_t>(bins);
    const float below_edge = with_edge ? edge : std::nextafter(edge, -infinity);
    each_row(region, [&](const float *row, ptrdiff_t n) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            const bool inside = row[i] >= min && row[i] <= below_edge;
            const float value = inside ? row[i] : min;
            const auto bin = static_cast<std::int32_t>(per_width * (value - min));
            bin_of[i] = inside ? std::min(bin, outside - 1) : outside;
        }
        for (ptrdiff_t i = 0; i < n; ++i) {
            ++counts[(i % copies) * (bins + 1) + bin_of[i]];
        }
    });
    for (ptrdiff_t bin = 0; bin < bins; ++bin) {
        for (ptrdiff_t copy = 1; copy < copies; ++copy) {
            counts[bin] += counts[copy * (bins + 1) + bin];
        }
    }
    counts.resize(bins);
    return counts;
}

struct Mode {
    double value;
    int64_t bins;
};

Mode mode(const Region &region, const Moments &m, double bin_sigma) {
    const double width = bin_sigma * m.stddev, min = m.min, range = static_cast<double>(m.max) - min;
    const double smallest = 10.0 * std::numeric_limits<float>::epsilon();
    if (!(width >= smallest && range >= smallest && width <= range)) {
        return {min + 0.5 * width, 1};
    }
    const auto bins = static_cast<ptrdiff_t>(range / width) + 1;
    const auto bin_width = static_cast<float>(range / static_cast<double>(bins - 1));
    const std::vector<std::uint32_t> counts = histogram(region, m.min, bin_width, bins);
    const ptrdiff_t peak = std::max_element(counts.begin(), counts.end()) - counts.begin();
    double at = static_cast<double>(peak) + 0.5;
    if (bins == 2) {
        at = counts[0] > counts[1] ? 0.5 : counts[0] < counts[1] ? 1.5 : 1.0;
    } else if (peak > 0 && peak < bins - 1) {
        const double left = static_cast<double>(counts[peak]) - counts[peak - 1];
        const double right = static_cast<double>(counts[peak]) - counts[peak + 1];
        at += left + right > 0 ? 0.5 * (left - right) / (left + right) : 0.0;
    }
    return {min + at * width, bins};
}

}  // namespace

Statistics clipped_statistics(const Region &region, const Clipping &clipping,
                              const Wanted &wanted) {
    Pixels pixels = collect(region, expected_plain(region, clipping));
    Moments m;
    if (!clip(pixels, clipping, m) || !set_range(pixels, m)) {
        pixels = collect(region, {});
        clip(pixels, clipping, m);
        set_range(pixels, m);
    }
    constexpr double nan = not_a_number;
    Statistics result{m.n, 0, nan, nan, nan, nan, nan, nan};
    if (m.n == 0) {
        return result;
    }
    result.mean = m.mean;
    result.stddev = m.stddev;
    result.min = m.min;
    result.max = m.max;
    if (wanted.median) {
        result.median = median(region, pixels, m);
    }
    if (wanted.mode) {
        const Mode found = mode(region, m, wanted.bin_sigma);
        result.mode = found.value;
        result.bins = found.bins;
    }
    return result;
}

}  // namespace trueup
