// Kernels around the centre of a pixel: along each axis a profile, their product in the plane.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "accumulate.hpp"
#include "pixmap.hpp"

namespace trueup {

// The pixel whose [-0.5, 0.5) holds a position. The bias lets a conversion to integer, which is
// faster than floor, round down for negative positions, too.
inline std::int32_t nearest_pixel(double at) {
    constexpr std::int32_t bias = 1 << 20;
    return static_cast<std::int32_t>(at + (bias + 0.5)) - bias;
}

// Shares along one axis: weights[k] of the pixel first + k.
struct Line {
    explicit Line(double radius) : weights(static_cast<std::size_t>(2 * radius) + 3) {}
    std::int32_t first = 0, count = 0;
    std::vector<double> weights;
};

template <int N>
struct ShortLine {
    explicit ShortLine(double) {}
    static constexpr std::int32_t count = N;
    std::int32_t first = 0;
    double weights[N] = {};
};

class PointProfile {
  public:
    using Shares = ShortLine<1>;
    explicit PointProfile(const Drop &) {}
    static double radius(const Drop &) { return 0; }
    void at(double position, Shares &out) const {
        out.first = nearest_pixel(position);
        out.weights[0] = 1;
    }
};

// A box, by its overlap with the pixels.
class BoxProfile {
  public:
    using Shares = Line;
    explicit BoxProfile(const Drop &drop) : half_(radius(drop)), height_(0.5 / half_) {}
    static double radius(const Drop &drop) { return drop.pixfrac / drop.scale / 2; }
    void at(double position, Shares &out) const {
        const double low = position - half_, high = position + half_;
        out.first = nearest_pixel(low);
        out.count = nearest_pixel(high) - out.first + 1;
        const double edge = out.first + 0.5;
        for (std::int32_t k = 0; k < out.count; ++k) {
            out.weights[k] = (std::min(edge + k, high) - std::max(edge + k - 1, low)) * height_;
        }
    }

  private:
    double half_, height_;
};

// A box no wider than a pixel falls into two at most.
class NarrowBoxProfile {
  public:
    using Shares = ShortLine<2>;
    explicit NarrowBoxProfile(const Drop &drop) : half_(radius(drop)), height_(0.5 / half_) {}
    static double radius(const Drop &drop) { return BoxProfile::radius(drop); }
    void at(double position, Shares &out) const {
        const double low = position - half_, high = position + half_;
        out.first = nearest_pixel(low);
        const double edge = out.first + 0.5;
        out.weights[0] = (std::min(edge, high) - low) * height_;
        out.weights[1] = std::max(high - edge, 0.0) * height_;
    }

  private:
    double half_, height_;
};

// A Gaussian whose FWHM is the side of the shrunken pixel, cut at 2.5 sigma but never inside 1.2
// input pixels, so that a narrow one leaves no holes.
class GaussianProfile {
  public:
    using Shares = Line;
    explicit GaussianProfile(const Drop &drop) : radius_(radius(drop)) {
        const double sigma = drop.pixfrac / drop.scale / fwhm_per_sigma;
        rate_ = 1 / (2 * sigma * sigma);
        peak_ = std::sqrt(rate_ / pi);
    }
    static double radius(const Drop &drop) {
        return std::max(2.5 * drop.pixfrac / fwhm_per_sigma, 1.2) / drop.scale;
    }
    void at(double position, Shares &out) const {
        out.first = nearest_pixel(position - radius_);
        out.count = nearest_pixel(position + radius_) - out.first + 1;
        for (std::int32_t k = 0; k < out.count; ++k) {
            const double from = out.first + k - position;
            out.weights[k] = peak_ * std::exp(-rate_ * from * from);
        }
    }

  private:
    static constexpr double fwhm_per_sigma = 2.3548, pi = 3.14159265358979323846;
    double radius_, rate_, peak_;
};

// A damped sine from a table. Weights do not sum to 1, and the table is read one step too far out:
// both as in the original, whose images these are compared with.
template <int Order>
class LanczosProfile {
  public:
    using Shares = Line;
    explicit LanczosProfile(const Drop &drop)
        : radius_(radius(drop)), per_step_(drop.scale / step / drop.pixfrac) {
        table_.push_back(1);
        for (std::int32_t k = 1; k < Order / step; ++k) {
            const double x = k * step * pi;
            table_.push_back(std::sin(x) / x * std::sin(x / Order) / (x / Order));
        }
        table_.push_back(0);
    }
    static double radius(const Drop &drop) { return Order * drop.pixfrac / drop.scale; }
    void at(double position, Shares &out) const {
        out.first = nearest_pixel(position - radius_);
        out.count = nearest_pixel(position + radius_) - out.first + 1;
        const auto last = static_cast<std::int32_t>(table_.size()) - 1;
        for (std::int32_t k = 0; k < out.count; ++k) {
            const double from = std::abs(out.first + k - position);
            out.weights[k] = table_[std::min(nearest_pixel(from * per_step_) + 1, last)];
        }
    }

  private:
    // as rounded in the original: which entry is the nearest depends on it
    static constexpr double step = 0.01F, pi = 3.14159265358979323846;
    double radius_, per_step_;
    std::vector<double> table_;
};

template <class Profile>
class Centred {
  public:
    Centred(const PixelMap &map, const Drop &drop, std::ptrdiff_t nx)
        : map_(map), profile_(drop), x_(static_cast<std::size_t>(nx)), y_(x_.size()),
          across_(radius(drop)), along_(radius(drop)) {}

    static double radius(const Drop &drop) { return Profile::radius(drop); }

    void restart(Span columns) { columns_ = columns; }

    void add_row(std::ptrdiff_t j, const InputRow &input, OutputRows &out) {
        const std::ptrdiff_t n = columns_.end - columns_.begin;
        map_.row(static_cast<double>(j), columns_.begin, 0, n, x_.data(), y_.data());
        for (std::ptrdiff_t k = 0; k < n; ++k) {
            const InputPixel pixel(input, columns_.begin + k);
            if (pixel.counts()) {
                profile_.at(x_[k], across_);
                profile_.at(y_[k], along_);
                add(pixel, out);
            }
        }
    }

  private:
    void add(const InputPixel &input, OutputRows &out) {
        const std::ptrdiff_t column = across_.first, row = along_.first;
        const bool held = out.holds(column, row, across_.count, along_.count);
        for (std::int32_t q = 0; q < along_.count; ++q) {
            for (std::int32_t p = 0; p < across_.count; ++p) {
                const double share = across_.weights[p] * along_.weights[q];
                if (held) {
                    out.add(column + p, row + q, share, input);
                } else {
                    out.add_if_held(column + p, row + q, share, input);
                }
            }
        }
    }

    const PixelMap &map_;
    Profile profile_;
    Span columns_{0, 0};
    std::vector<double> x_, y_;
    typename Profile::Shares across_, along_;
};

}  // namespace trueup
