#include "profile.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace trueup {

namespace {

using std::ptrdiff_t;

constexpr double root_half = 0.70710678118654752440;
constexpr double root_two_pi = 2.50662827463100050242;

// One axis of a Gaussian over pixels: the share of the light and its slope.
struct Axis {
    std::vector<double> share, slope;

    Axis(double centre, double sigma, int half) : share(2 * half + 1), slope(share.size()) {
        const auto at = [&](int k) { return (k - half - 0.5 - centre) / sigma; };
        double edge = std::erf(at(0) * root_half), height = std::exp(-at(0) * at(0) / 2);
        for (int k = 0; k <= 2 * half; ++k) {
            const double next = at(k + 1);
            const double next_edge = std::erf(next * root_half);
            const double next_height = std::exp(-next * next / 2);
            share[k] = (next_edge - edge) / 2;
            slope[k] = (height - next_height) / (sigma * root_two_pi);
            edge = next_edge, height = next_height;
        }
    }
};

// The knots that reach each pixel along one axis, their weights and the slopes of those.
struct Reach {
    std::vector<std::array<ptrdiff_t, 4>> knots;
    std::array<double, 4> weight, slope;

    Reach(double centre, int half, ptrdiff_t side, int oversample) : knots(2 * half + 1) {
        const double at = static_cast<double>(side / 2) - centre * oversample;
        const auto first = static_cast<ptrdiff_t>(std::floor(at));
        const double t = at - std::floor(at), s = 1 - t;
        weight = {s * s * s / 6, (3 * t * t * t - 6 * t * t + 4) / 6,
                  (3 * s * s * s - 6 * s * s + 4) / 6, t * t * t / 6};
        // the offset grows as the star moves away: minus
        const double scale = -oversample / 2.0;
        slope = {-s * s * scale, (3 * t * t - 4 * t) * scale, (4 * s - 3 * s * s) * scale,
                 t * t * scale};
        for (int k = 0; k <= 2 * half; ++k) {
            for (int tap = 0; tap < 4; ++tap) {
                const ptrdiff_t knot = first + (k - half) * oversample + tap - 1;
                knots[k][tap] = std::clamp<ptrdiff_t>(knot, 0, side - 1);
            }
        }
    }
};

}  // namespace

void Gaussian::light(ptrdiff_t, double x, double y, int half, Light &out) const {
    const Axis across(x, sigma_, half), up(y, sigma_, half);
    const int side = 2 * half + 1;
    for (int row = 0, pixel = 0; row < side; ++row) {
        for (int column = 0; column < side; ++column, ++pixel) {
            out.share[pixel] = up.share[row] * across.share[column];
            out.to_x[pixel] = up.share[row] * across.slope[column];
            out.to_y[pixel] = up.slope[row] * across.share[column];
        }
    }
}

void Spline::light(ptrdiff_t star, double x, double y, int half, Light &out) const {
    const Reach across(x - center_x_, half, tables_.side, oversample_);
    const Reach up(y - center_y_, half, tables_.side, oversample_);
    const double *table =
        tables_.knots + (tables_.count == 1 ? 0 : star * tables_.side * tables_.side);
    const int side = 2 * half + 1;
    for (int row = 0, pixel = 0; row < side; ++row) {
        for (int column = 0; column < side; ++column, ++pixel) {
            double share = 0, to_x = 0, to_y = 0;
            for (int a = 0; a < 4; ++a) {
                const double *line = table + up.knots[row][a] * tables_.side;
                double value = 0, slope = 0;
                for (int b = 0; b < 4; ++b) {
                    const double knot = line[across.knots[column][b]];
                    value += knot * across.weight[b];
                    slope += knot * across.slope[b];
                }
                share += up.weight[a] * value;
                to_x += up.weight[a] * slope;
                to_y += up.slope[a] * value;
            }
            out.share[pixel] = share, out.to_x[pixel] = to_x, out.to_y[pixel] = to_y;
        }
    }
}

}  // namespace trueup
