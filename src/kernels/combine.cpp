#include "combine.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "parallel.hpp"

namespace trueup {

namespace {

using std::ptrdiff_t;

using Comparators = std::vector<std::pair<ptrdiff_t, ptrdiff_t>>;

// Batcher's merge exchange (Knuth, TAOCP 5.2.2 M): the comparisons that sort n values. They do
// not depend on the values, so that many pixels are sorted at once.
Comparators sorting_network(ptrdiff_t n) {
    Comparators network;
    ptrdiff_t top = 1;
    while (2 * top < n) {
        top *= 2;
    }
    for (ptrdiff_t p = n < 2 ? 0 : top; p > 0; p /= 2) {
        ptrdiff_t q = top, r = 0, d = p;
        while (true) {
            for (ptrdiff_t i = 0; i < n - d; ++i) {
                if ((i & p) == r) {
                    network.emplace_back(i, i + d);
                }
            }
            if (q == p) {
                break;
            }
            d = q - p;
            q /= 2;
            r = p;
        }
    }
    return network;
}

// Marks of minmed: by nsigma1, and by nsigma2 where a neighbour is low by nsigma1.
constexpr std::uint8_t is_low = 1, low_beside = 2, doubtful = 4;

// The smallest float that is not below the limit: float values compare with it as with the limit.
float float_limit(double limit) {
    const auto near = static_cast<float>(limit);
    return static_cast<double>(near) < limit ? std::nextafter(near, FLT_MAX) : near;
}

// Combines pieces of rows of a stack.
class Combiner {
  public:
    Combiner(const Stack &stack, const std::vector<StackMember> &members, const CombineRules &rules)
        : stack_(stack), members_(members), rules_(rules), minmed_(rules.method == Combine::minmed),
          pair_(minmed_ && stack.images == 2), nhigh_(minmed_ ? 1 : rules.nhigh),
          width_(std::clamp(ptrdiff_t{8192} / stack.images, ptrdiff_t{16}, ptrdiff_t{512})),
          value_(stack.images * width_), count_(width_), total_(width_), weight_(width_),
          noise_(width_), mark_(width_) {
        for (const StackMember &member : members) {
            min_weight_.push_back(float_limit(member.min_weight));
        }
        const bool sorted = !(rules.method == Combine::sum ||
                              (rules.method == Combine::mean && rules.nlow + rules.nhigh == 0));
        if (sorted) {
            network_ = sorting_network(stack.images);
        }
    }

    // One row: the result, or for minmed the median.
    // `minimum` and `low`, its marks, are of minmed only.
    void row(ptrdiff_t j, float *out, float *minimum, std::uint8_t *low) {
        for (ptrdiff_t first = 0; first < stack_.nx; first += width_) {
            const ptrdiff_t n = std::min(width_, stack_.nx - first);
            const ptrdiff_t at = j * stack_.nx + first;
            if (rules_.method == Combine::sum) {
                sum(at, n, out + first);
                continue;
            }
            load(at, n);
            for (const auto &[a, b] : network_) {
                exchange(value_.data() + a * width_, value_.data() + b * width_, n);
            }
            if (pair_ || rules_.method == Combine::mean) {
                mean(n, out + first);
            } else if (rules_.method == Combine::minimum) {
                minimum_of(n, out + first);
            } else {
                median(n, out + first);
            }
            fill(at, n, out + first);
            if (minmed_) {
                compare(at, n, out + first, minimum + first, low + first);
            }
        }
    }

  private:
    static void exchange(float *a, float *b, ptrdiff_t n) {
        for (ptrdiff_t k = 0; k < n; ++k) {
            const float low = a[k] < b[k] ? a[k] : b[k];
            const float high = a[k] < b[k] ? b[k] : a[k];
            a[k] = low;
            b[k] = high;
        }
    }

    const float *sci(ptrdiff_t image, ptrdiff_t at) const {
        return stack_.sci + image * stack_.sci_stride + at;
    }

    const float *wht(ptrdiff_t image, ptrdiff_t at) const {
        return stack_.wht + image * stack_.wht_stride + at;
    }

    // Masked values become infinite, so that they sort last.
    void load(ptrdiff_t at, ptrdiff_t n) {
        const float low = std::max(rules_.low, -FLT_MAX), high = rules_.high;
        std::fill_n(count_.data(), n, 0);
        for (ptrdiff_t i = 0; i < stack_.images; ++i) {
            const float *value_at = sci(i, at), *weight_at = wht(i, at);
            const float min_weight = min_weight_[i];
            float *value = value_.data() + i * width_;
            std::int32_t *count = count_.data();
            for (ptrdiff_t k = 0; k < n; ++k) {
                const float found = value_at[k];
                const bool good =
                    (weight_at[k] >= min_weight) & (found >= low) & (found < high);
                value[k] = good ? found : std::numeric_limits<float>::infinity();
                count[k] += good ? 1 : 0;
            }
        }
    }

    void sum(ptrdiff_t at, ptrdiff_t n, float *out) const {
        std::fill_n(out, n, 0.0F);
        for (ptrdiff_t i = 0; i < stack_.images; ++i) {
            const float *value = sci(i, at);
            for (ptrdiff_t k = 0; k < n; ++k) {
                out[k] += value[k];
            }
        }
    }

    void mean(ptrdiff_t n, float *out) {
        const ptrdiff_t nlow = pair_ ? 0 : rules_.nlow, nhigh = pair_ ? 0 : rules_.nhigh;
        // unsorted, the masked ones are not at the end
        const bool sorted = !network_.empty();
        std::fill_n(total_.data(), n, 0.0);
        for (ptrdiff_t i = 0; i < stack_.images; ++i) {
            const float *value = value_.data() + i * width_;
            const auto needed = static_cast<std::int32_t>(sorted ? i + nhigh : -1);
            if (i < nlow) {
                continue;
            }
            for (ptrdiff_t k = 0; k < n; ++k) {
                const bool kept =
                    (count_[k] > needed) & (value[k] < std::numeric_limits<float>::infinity());
                total_[k] += static_cast<double>(kept ? value[k] : 0.0F);
            }
        }
        const auto clipped = static_cast<std::int32_t>(nlow + nhigh);
        for (ptrdiff_t k = 0; k < n; ++k) {
            out[k] = static_cast<float>(total_[k] / std::max(count_[k] - clipped, 1));
        }
    }

    void minimum_of(ptrdiff_t n, float *out) const {
        const float *value = value_.data() + rules_.nlow * width_;
        const auto clipped = static_cast<std::int32_t>(rules_.nlow + rules_.nhigh);
        for (ptrdiff_t k = 0; k < n; ++k) {
            const float least = value[k];
            out[k] = count_[k] > clipped ? least : 0.0F;
        }
    }

    void median(ptrdiff_t n, float *out) const {
        for (ptrdiff_t k = 0; k < n; ++k) {
            const ptrdiff_t good = count_[k];
            ptrdiff_t nlow = minmed_ ? 0 : rules_.nlow, nhigh = nhigh_;
            // too few values: fewer are rejected, at both ends alike
            while (nlow + nhigh >= good && nlow + nhigh > 0) {
                nlow = std::max(nlow - 1, ptrdiff_t{0});
                nhigh = std::max(nhigh - 1, ptrdiff_t{0});
            }
            const ptrdiff_t last = std::max(good - nlow - nhigh - 1, ptrdiff_t{0});
            const double a = value_[(nlow + last / 2) * width_ + k];
            const double b = value_[(nlow + (last + 1) / 2) * width_ + k];
            out[k] = good > 0 ? static_cast<float>((a + b) / 2) : 0.0F;
        }
    }

    void fill(ptrdiff_t at, ptrdiff_t n, float *out) const {
        if (rules_.fill_first) {
            const float *first = sci(0, at);
            for (ptrdiff_t k = 0; k < n; ++k) {
                out[k] = count_[k] > 0 ? out[k] : first[k];
            }
        }
    }

    // minmed: is the minimum significantly below the median? Single precision tells but for the
    // few where its errors matter.
    void compare(ptrdiff_t at, ptrdiff_t n, const float *median, float *minimum,
                 std::uint8_t *low) {
        sum_noise(at, n);
        constexpr float room = 3e-4F;
        const auto n1 = static_cast<float>(rules_.nsigma1 * rules_.nsigma1);
        const auto n2 = static_cast<float>(rules_.nsigma2 * rules_.nsigma2);
        const float *value = value_.data(), *weight = weight_.data(), *noise = noise_.data();
        std::int32_t *mark = mark_.data();
        for (ptrdiff_t k = 0; k < n; ++k) {
            const float least = value[k] < std::numeric_limits<float>::infinity() ? value[k] : 0;
            const float middle = median[k] * weight[k], excess = middle - least * weight[k];
            const float squared = middle + noise[k], error = room * (std::abs(middle) + noise[k]);
            // a negative excess is far from any limit
            const float power = excess > 0 ? excess * excess : -std::numeric_limits<float>::max();
            const int above = (power > n1 * (squared + error) ? is_low : 0) |
                              (power > n2 * (squared + error) ? low_beside : 0);
            const int perhaps = (power > n1 * (squared - error) ? is_low : 0) |
                                (power > n2 * (squared - error) ? low_beside : 0);
            minimum[k] = least;
            mark[k] = above == perhaps ? above : doubtful;
        }
        for (ptrdiff_t k = 0; k < n; ++k) {
            low[k] = mark[k] == doubtful ? below(at + k, minimum[k], median[k])
                                         : static_cast<std::uint8_t>(mark[k]);
        }
    }

    // Sums over the images of the weight and of the noise that is not the object's.
    void sum_noise(ptrdiff_t at, ptrdiff_t n) {
        std::fill_n(weight_.data(), n, 0.0F);
        std::fill_n(noise_.data(), n, 0.0F);
        for (ptrdiff_t i = 0; i < stack_.images; ++i) {
            const float *weight_at = wht(i, at);
            const float min_weight = min_weight_[i];
            const auto rate = static_cast<float>(members_[i].background);
            const auto variance = static_cast<float>(members_[i].read_variance);
            for (ptrdiff_t k = 0; k < n; ++k) {
                const float found = weight_at[k];
                weight_[k] += found;
                noise_[k] += found * rate + (found < min_weight ? 0.0F : variance);
            }
        }
    }

    // The comparison proper of one pixel.
    std::uint8_t below(ptrdiff_t at, float minimum, float median) const {
        float weight = 0;
        double background = 0, variance = 0;
        for (ptrdiff_t i = 0; i < stack_.images; ++i) {
            const float found = *wht(i, at);
            weight += found;
            background += static_cast<double>(found) * members_[i].background;
            variance += found < min_weight_[i] ? 0 : members_[i].read_variance;
        }
        const double least = minimum * weight, middle = median * weight;
        const double squared = middle + background + variance;
        const double rms = std::sqrt(squared > 0 ? squared : 0);
        return static_cast<std::uint8_t>((least < middle - rms * rules_.nsigma1 ? is_low : 0) |
                                         (least < middle - rms * rules_.nsigma2 ? low_beside : 0));
    }

    const Stack &stack_;
    const std::vector<StackMember> &members_;
    const CombineRules &rules_;
    bool minmed_, pair_;
    ptrdiff_t nhigh_, width_;
    Comparators network_;
    std::vector<float> min_weight_, value_;
    std::vector<std::int32_t> count_;
    std::vector<double> total_;
    std::vector<float> weight_, noise_;
    std::vector<std::int32_t> mark_;
};

// The rows of minmed around the one that is decided.
class MinmedRows {
  public:
    MinmedRows(Combiner &combiner, const Stack &stack, ptrdiff_t grow)
        : combiner_(combiner), rows_(stack.rows), nx_(stack.nx), grow_(grow), size_(2 * grow + 1),
          median_(size_ * nx_), minimum_(size_ * nx_), low_(size_ * nx_), near_(nx_ + 2 * grow),
          any_(nx_) {}

    // Rows in ascending order, each once.
    void decide(ptrdiff_t first, ptrdiff_t last, float *out) {
        for (ptrdiff_t j = std::max(first - grow_, ptrdiff_t{0}); j < first + grow_; ++j) {
            add(j);
        }
        for (ptrdiff_t j = first; j < last; ++j, out += nx_) {
            add(j + grow_);
            choose(j, out);
        }
    }

  private:
    ptrdiff_t slot(ptrdiff_t j) const { return j % size_ * nx_; }

    void add(ptrdiff_t j) {
        if (j < rows_) {
            combiner_.row(j, median_.data() + slot(j), minimum_.data() + slot(j),
                          low_.data() + slot(j));
        }
    }

    void choose(ptrdiff_t j, float *out) {
        std::fill(near_.begin(), near_.end(), std::uint8_t{0});
        std::uint8_t *near = near_.data() + grow_;
        for (ptrdiff_t i = std::max(j - grow_, ptrdiff_t{0}); i <= std::min(j + grow_, rows_ - 1);
             ++i) {
            const std::uint8_t *low = low_.data() + slot(i);
            for (ptrdiff_t k = 0; k < nx_; ++k) {
                near[k] |= low[k];
            }
        }
        const float *median = median_.data() + slot(j), *minimum = minimum_.data() + slot(j);
        const std::uint8_t *low = low_.data() + slot(j);
        std::fill(any_.begin(), any_.end(), std::uint8_t{0});
        for (ptrdiff_t d = -grow_; d <= grow_; ++d) {
            for (ptrdiff_t k = 0; k < nx_; ++k) {
                any_[k] |= near[k + d];
            }
        }
        for (ptrdiff_t k = 0; k < nx_; ++k) {
            const float least = minimum[k], middle = median[k];
            const int mark = (any_[k] & is_low) == 0 ? is_low : low_beside;
            out[k] = (low[k] & mark) != 0 ? least : middle;
        }
    }

    Combiner &combiner_;
    ptrdiff_t rows_, nx_, grow_, size_;
    std::vector<float> median_, minimum_;
    std::vector<std::uint8_t> low_, near_, any_;
};

}  // namespace

void combine(const Stack &stack, const std::vector<StackMember> &members,
             const CombineRules &rules, ptrdiff_t first, ptrdiff_t last, float *out, int threads) {
    const ptrdiff_t rows = last - first;
    const ptrdiff_t pieces =
        std::clamp(rows / 32, ptrdiff_t{1}, threads > 1 ? ptrdiff_t{4} * threads : ptrdiff_t{1});
    parallel(threads, pieces, [&](ptrdiff_t p) {
        const ptrdiff_t begin = first + p * rows / pieces, end = first + (p + 1) * rows / pieces;
        Combiner combiner(stack, members, rules);
        float *at = out + (begin - first) * stack.nx;
        if (rules.method == Combine::minmed) {
            MinmedRows(combiner, stack, rules.grow).decide(begin, end, at);
            return;
        }
        for (ptrdiff_t j = begin; j < end; ++j, at += stack.nx) {
            combiner.row(j, at, nullptr, nullptr);
        }
    });
}

}  // namespace trueup
