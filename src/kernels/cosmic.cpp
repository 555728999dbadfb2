#include "cosmic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "parallel.hpp"

namespace trueup {

namespace {

using std::ptrdiff_t;

constexpr std::uint8_t passes1 = 1, passes2 = 2;

// The last rows that were made, each with a pixel of padding on both sides.
template <class T>
class RowRing {
  public:
    RowRing(ptrdiff_t nx, T padding) : width_(nx + 2) {
        rows_.fill(-1);
        data_.assign(size * width_, padding);
    }

    // Row j; `make(row)` fills it unless it is among the last ones.
    template <class Make>
    T *at(ptrdiff_t j, const Make &make) {
        T *row = data_.data() + j % size * width_ + 1;
        if (rows_[j % size] != j) {
            rows_[j % size] = j;
            make(row);
        }
        return row;
    }

  private:
    static constexpr ptrdiff_t size = 4;
    ptrdiff_t width_;
    std::array<ptrdiff_t, size> rows_;
    std::vector<T> data_;
};

// A pixel's row and the rows its derivative compares with, all at the same column.
struct Around {
    const float *center, *left, *right, *below, *above;

    Around from(ptrdiff_t k) const {
        return {center + k, left + k, right + k, below + k, above + k};
    }
};

// Tests rows of one chip, in ascending order.
class Comparison {
  public:
    Comparison(const ChipPixels &chip, const CleanImage &clean, const CosmicRules &rules)
        : sci_(chip.sci.data), nx_(chip.sci.nx), ny_(chip.sci.ny), signal_(chip.signal),
          clean_(clean), rules_(rules), x_(nx_), y_(nx_), zero_(nx_ + 2), good_(nx_ + 2),
          blots_(nx_, 0), tests_(nx_, passes1 | passes2) {}

    // 1 where a pixel passes the second test, or it and its 8 neighbours pass the first.
    void mask_row(ptrdiff_t j, std::uint8_t *mask) {
        const std::uint8_t *here = tests(j);
        const std::uint8_t *below = tests(std::max(j - 1, ptrdiff_t{0}));
        const std::uint8_t *above = tests(std::min(j + 1, ny_ - 1));
        for (ptrdiff_t k = 0; k < nx_ + 2; ++k) {
            good_[k] = below[k - 1] & here[k - 1] & above[k - 1];
        }
        for (ptrdiff_t k = 0; k < nx_; ++k) {
            const int around = good_[k] & good_[k + 1] & good_[k + 2] & passes1;
            mask[k] = static_cast<std::uint8_t>(around | (here[k] >> 1));
        }
    }

    // The blotted image of a row in native units.
    void blotted_row(ptrdiff_t j, float *out) {
        const float *row = blot_of(j);
        for (ptrdiff_t k = 0; k < nx_; ++k) {
            out[k] = row[k] / signal_.conversion;
        }
    }

  private:
    // The blotted row in electrons, with its sky.
    const float *blot_of(ptrdiff_t j) {
        return blots_.at(j, [&](float *row) {
            clean_.map.row(static_cast<double>(j), 0, 0, nx_, x_.data(), y_.data());
            blot_row(clean_.image, clean_.rules, x_.data(), y_.data(), nx_, row);
            for (ptrdiff_t k = 0; k < nx_; ++k) {
                row[k] = (row[k] / signal_.conversion + signal_.sky) * signal_.conversion;
            }
            if (!rules_.compat) {
                row[-1] = row[0];
                row[nx_] = row[nx_ - 1];
            }
        });
    }

    const std::uint8_t *tests(ptrdiff_t j) {
        return tests_.at(j, [&](std::uint8_t *row) {
            const Around around = rules_.compat ? around_compat(j) : around_row(j);
            const float *sci = sci_ + j * nx_;
            // the last two columns are special in compat
            const ptrdiff_t n = rules_.compat ? std::max(nx_ - 2, ptrdiff_t{0}) : nx_;
            compare(around, sci, n, row);
            for (ptrdiff_t k = n; k < nx_; ++k) {
                Around edge = around.from(k);
                edge.right = zero_.data();
                if (k == nx_ - 1) {
                    edge.left = edge.below = edge.above = zero_.data();
                }
                compare(edge, sci + k, 1, row + k);
            }
        });
    }

    // Beyond the border a pixel is compared with itself: no difference.
    Around around_row(ptrdiff_t j) {
        const float *below = blot_of(std::max(j - 1, ptrdiff_t{0})), *here = blot_of(j);
        const float *above = blot_of(std::min(j + 1, ny_ - 1));
        return {here, here - 1, here + 1, below, above};
    }

    // AstroDrizzle compares with zero beyond the border, the upper and right one counted from
    // one pixel further inside, and the last row with nothing else.
    Around around_compat(ptrdiff_t j) {
        const float *zero = zero_.data() + 1, *here = blot_of(j);
        if (j == ny_ - 1) {
            return {here, zero, zero, zero, zero};
        }
        const float *below = j == 0 ? zero : blot_of(j - 1);
        const float *above = j == ny_ - 2 ? zero : blot_of(j + 1);
        return {here, here - 1, here + 1, below, above};
    }

    void compare(const Around &around, const float *sci, ptrdiff_t n, std::uint8_t *out) const {
        const auto [center, left, right, below, above] = around;
        const CosmicRules &r = rules_;
        for (ptrdiff_t k = 0; k < n; ++k) {
            const float value = center[k];
            const float across =
                std::max(std::abs(value - left[k]), std::abs(value - right[k]));
            const float along =
                std::max(std::abs(value - below[k]), std::abs(value - above[k]));
            const float derivative = std::max(across, along);
            const float difference = std::abs(sci[k] * signal_.conversion - value);
            // the blotted value holds the sky already; the thresholds in use were tuned so
            const float noise = std::sqrt(
                signal_.gain * std::abs(value + signal_.sky_electrons) + signal_.read_variance);
            const bool first = difference <= r.scale1 * derivative + r.snr1 * noise / signal_.gain;
            const bool second = difference <= r.scale2 * derivative + r.snr2 * noise / signal_.gain;
            out[k] = static_cast<std::uint8_t>((first ? passes1 : 0) | (second ? passes2 : 0));
        }
    }

    const float *sci_;
    ptrdiff_t nx_, ny_;
    const ChipSignal signal_;
    const CleanImage &clean_;
    const CosmicRules &rules_;
    std::vector<double> x_, y_;
    std::vector<float> zero_;
    std::vector<std::uint8_t> good_;
    RowRing<float> blots_;
    RowRing<std::uint8_t> tests_;
};

// Clears in `mask` what lies near a cosmic ray of `found`.
class Growth {
  public:
    Growth(const std::vector<std::uint8_t> &found, ptrdiff_t nx, ptrdiff_t ny,
           const CosmicRules &rules)
        : found_(found), nx_(nx), ny_(ny), rules_(rules), good_(nx) {}

    void grow_row(ptrdiff_t j, std::uint8_t *mask) {
        const ptrdiff_t after = (rules_.grow - 1) / 2, before = rules_.grow - 1 - after;
        std::fill(good_.begin(), good_.end(), std::uint8_t{1});
        for (ptrdiff_t i = j - before; i <= j + after; ++i) {
            meet(i, good_);
        }
        for (ptrdiff_t k = 0; k < nx_; ++k) {
            const ptrdiff_t from = std::max(k - before, ptrdiff_t{0});
            const ptrdiff_t to = std::min(k + after, nx_ - 1);
            mask[k] = *std::min_element(good_.begin() + from, good_.begin() + to + 1);
        }
        std::fill(good_.begin(), good_.end(), std::uint8_t{1});
        for (ptrdiff_t d = 1; d <= (rules_.trail == 0 ? 0 : rules_.cte_grow); ++d) {
            ptrdiff_t i = j - rules_.trail * d;
            if (rules_.compat) {
                i = i < 0 ? -1 - i : (i >= ny_ ? 2 * ny_ - 1 - i : i);
            }
            meet(i, good_);
        }
        for (ptrdiff_t k = 0; k < nx_; ++k) {
            mask[k] &= good_[k];
        }
    }

  private:
    void meet(ptrdiff_t i, std::vector<std::uint8_t> &good) const {
        if (i >= 0 && i < ny_) {
            for (ptrdiff_t k = 0; k < nx_; ++k) {
                good[k] &= found_[i * nx_ + k];
            }
        }
    }

    const std::vector<std::uint8_t> &found_;
    ptrdiff_t nx_, ny_;
    const CosmicRules &rules_;
    std::vector<std::uint8_t> good_;
};

}  // namespace

void reject_cosmic_rays(const ChipPixels &chip, const CleanImage &clean, const CosmicRules &rules,
                        const CosmicOutput &out, int threads) {
    const ptrdiff_t nx = chip.sci.nx, ny = chip.sci.ny;
    const ptrdiff_t bands =
        std::clamp(ny / 64, ptrdiff_t{1}, threads > 1 ? ptrdiff_t{4} * threads : ptrdiff_t{1});
    const auto in_bands = [&](const auto &work) {
        parallel(threads, bands,
                 [&](ptrdiff_t b) { work(b * ny / bands, (b + 1) * ny / bands); });
    };
    in_bands([&](ptrdiff_t begin, ptrdiff_t end) {
        Comparison comparison(chip, clean, rules);
        for (ptrdiff_t j = begin; j < end; ++j) {
            comparison.mask_row(j, out.mask + j * nx);
            if (out.blotted != nullptr) {
                comparison.blotted_row(j, out.blotted + j * nx);
            }
        }
    });
    if (rules.grow > 1 || (rules.cte_grow > 0 && rules.trail != 0)) {
        const std::vector<std::uint8_t> found(out.mask, out.mask + nx * ny);
        in_bands([&](ptrdiff_t begin, ptrdiff_t end) {
            Growth growth(found, nx, ny, rules);
            for (ptrdiff_t j = begin; j < end; ++j) {
                growth.grow_row(j, out.mask + j * nx);
            }
        });
    }
}

}  // namespace trueup
