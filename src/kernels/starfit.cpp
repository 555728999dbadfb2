#include "starfit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

namespace trueup {

namespace {

using std::ptrdiff_t;
using Four = std::array<double, 4>;
using Matrix = std::array<Four, 4>;

constexpr int steps = 10, steps_from_start = 5, steps_unclipped = 2;
constexpr double clip = 4, clipped_cost = 25;
// the error of a profile anywhere in the stamp, as a fraction of that at the peak
constexpr double wrong_anywhere = 0.4;
constexpr double longest_step_pix = 0.5, farthest_pix = 2, inside_pix = 1.2, settled_pix = 0.02;
// further steps would change nothing
constexpr double at_rest_pix = 1e-6;

// Gaussian elimination with row pivots; the matrix is left as it was.
Four solved(Matrix matrix, Four right) {
    for (int column = 0; column < 4; ++column) {
        int pivot = column;
        for (int row = column + 1; row < 4; ++row) {
            if (std::abs(matrix[row][column]) > std::abs(matrix[pivot][column])) {
                pivot = row;
            }
        }
        std::swap(matrix[column], matrix[pivot]);
        std::swap(right[column], right[pivot]);
        for (int row = column + 1; row < 4; ++row) {
            const double factor = matrix[row][column] / matrix[column][column];
            for (int k = column; k < 4; ++k) {
                matrix[row][k] -= factor * matrix[column][k];
            }
            right[row] -= factor * right[column];
        }
    }
    for (int row = 3; row >= 0; --row) {
        for (int k = row + 1; k < 4; ++k) {
            right[row] -= matrix[row][k] * right[k];
        }
        right[row] /= matrix[row][row];
    }
    return right;
}

void add(Matrix &matrix, double weight, const Four &slope) {
    for (int i = 0; i < 4; ++i) {
        const double scaled = weight * slope[i];
        for (int j = 0; j < 4; ++j) {
            matrix[i][j] += scaled * slope[j];
        }
    }
}

// The state of the fit of one stamp.
class Fit {
public:
    Fit(const Stamp &stamp, const Profile &profile, ptrdiff_t star, const StarFitRules &rules)
        : stamp_(stamp), profile_(profile), star_(star), rules_(rules), light_(stamp.half),
          size_(static_cast<int>(light_.share.size())), known_(size_), used_(size_), weight_(size_),
          residual_(size_), variance_(size_),
          quiet_(std::isfinite(stamp.noise) ? stamp.noise * stamp.noise : 1),
          per_electron_(rules.gain > 0 ? 1 / rules.gain : 0) {
        for (int k = 0; k < size_; ++k) {
            known_[k] = std::isfinite(stamp.pixels[k]) && std::isfinite(stamp.noise);
        }
        used_ = known_;
    }

    void start(const double *from) {
        if (from) {
            std::copy(from, from + 4, guess_.begin());
            return;
        }
        Light middle(0);
        profile_.light(star_, 0, 0, 0, middle);
        const double peak = stamp_.pixels[size_ / 2];
        guess_ = {std::max(known_[size_ / 2] ? peak : 0.0, 0.0) / middle.share[0], 0, 0, 0};
    }

    // Look at the pixels from the guess, and move it; whether it is at rest.
    bool step(bool clipping) {
        bool same_pixels = clipping;
        profile_.light(star_, guess_[1], guess_[2], stamp_.half, light_);
        flux_ = guess_[0];
        double peak = 0;
        for (int k = 0; k < size_; ++k) {
            peak = std::max(peak, flux_ * light_.share[k]);
        }
        normal_ = {};
        Four gradient{};
        for (int k = 0; k < size_; ++k) {
            const double model = flux_ * light_.share[k];
            const double wrong = rules_.wrong * (std::max(model, 0.0) + wrong_anywhere * peak);
            variance_[k] = noise2(model) + wrong * wrong;
            residual_[k] = known_[k] ? stamp_.pixels[k] - model - guess_[3] : 0;
            if (clipping) {
                const double over = std::max(residual_[k], 0.0);
                const char use = known_[k] && over * over < clip * clip * variance_[k];
                same_pixels = same_pixels && use == used_[k];
                used_[k] = use;
            }
            weight_[k] = used_[k] ? 1 / variance_[k] : 0;
            const Four slope = slopes(k);
            add(normal_, weight_[k], slope);
            for (int i = 0; i < 4; ++i) {
                gradient[i] += slope[i] * weight_[k] * residual_[k];
            }
        }
        for (int i = 0; i < 4; ++i) {
            // keeps the matrix regular where all pixels are unknown
            normal_[i][i] = normal_[i][i] * (1 + 1e-9) + 1e-300;
        }
        move(solved(normal_, gradient));
        return same_pixels && last_move_ < at_rest_pix;
    }

    StarFit result() const {
        const Four error = errors();
        double signal = 0, excess = 0;
        int used = 0;
        for (int k = 0; k < size_; ++k) {
            if (used_[k]) {
                const double share = light_.share[k];
                signal += share * share / noise2(guess_[0] * share);
                excess += residual_[k] * residual_[k] / variance_[k];
                ++used;
            } else if (known_[k]) {
                // clipped light counts against the source: beside a cosmic ray it is no clean star
                excess += clipped_cost;
            }
        }
        const double mismatch = excess / std::max(used - 4, 1);
        const bool inside = std::max(std::abs(guess_[1]), std::abs(guess_[2])) < inside_pix;
        const bool enough = used >= rules_.least_used * size_;
        return {guess_[0],
                guess_[1],
                guess_[2],
                guess_[3],
                guess_[0] * std::sqrt(signal),
                std::hypot(error[1], error[2]) * std::sqrt(std::max(mismatch, 1.0) / 2),
                mismatch,
                inside && last_move_ < settled_pix && enough && error[0] > 0};
    }

private:
    double noise2(double light) const {
        return quiet_ + std::max(light, 0.0) * per_electron_;
    }

    // Of a pixel to flux, x, y and sky.
    Four slopes(int k) const {
        return {light_.share[k], flux_ * light_.to_x[k], flux_ * light_.to_y[k], 1};
    }


    void move(const Four &by) {
        last_move_ = 0;
        for (int i : {1, 2}) {
            const double shift = std::clamp(by[i], -longest_step_pix, longest_step_pix);
            guess_[i] = std::clamp(guess_[i] + shift, -farthest_pix, farthest_pix);
            last_move_ = std::max(last_move_, std::abs(shift));
        }
        guess_[0] = std::max(guess_[0] + by[0], 1e-30);
        guess_[3] += by[3];
    }

    // Of the parameters by noise alone, through the weights that were used.
    Four errors() const {
        Matrix spread{};
        for (int k = 0; k < size_; ++k) {
            add(spread, weight_[k] * weight_[k] * noise2(flux_ * light_.share[k]), slopes(k));
        }
        Four error;
        for (int i = 0; i < 4; ++i) {
            Four unit{};
            unit[i] = 1;
            const Four row = solved(normal_, unit);
            double variance = 0;
            for (int j = 0; j < 4; ++j) {
                for (int k = 0; k < 4; ++k) {
                    variance += row[j] * spread[j][k] * row[k];
                }
            }
            error[i] = std::sqrt(std::max(variance, 0.0));
        }
        return error;
    }

    const Stamp &stamp_;
    const Profile &profile_;
    ptrdiff_t star_;
    const StarFitRules &rules_;
    Light light_;
    int size_;
    std::vector<char> known_, used_;
    std::vector<double> weight_, residual_, variance_;
    double quiet_, per_electron_;
    Matrix normal_{};
    Four guess_{};
    double flux_ = 0, last_move_ = 0;
};

}  // namespace

StarFit fit_star(const Stamp &stamp, const Profile &profile, ptrdiff_t star, const double *start,
                 const StarFitRules &rules) {
    Fit fit(stamp, profile, star, rules);
    fit.start(start);
    const int most = start ? steps_from_start : steps;
    for (int step = 0; step < most && !fit.step(step >= steps_unclipped); ++step) {
    }
    return fit.result();
}

}  // namespace trueup
