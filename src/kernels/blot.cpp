#include "blot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "parallel.hpp"

namespace trueup {

namespace {

using std::ptrdiff_t;

constexpr int lanes = 4;
typedef float Lanes __attribute__((vector_size(sizeof(float) * lanes)));

Lanes load(const float *from) {
    Lanes values;
    std::memcpy(&values, from, sizeof values);
    return values;
}

// Weights of the N pixels around a position; with N = 6 in two overlapping halves, so that no
// pixel outside of them is read.
template <int N>
struct Weights {
    static constexpr int halves = N == 6 ? 2 : 1;
    static constexpr int step = N - lanes;
    Lanes half[halves];

    float operator[](int i) const { return i < lanes ? half[0][i] : half[halves - 1][i - step]; }
};

// Coefficients in powers of t of the Lagrange polynomials of the N nodes 1 - N/2 ... N/2, laid
// out as in Weights.
template <int N>
constexpr std::array<std::array<float, 2 * lanes>, N> lagrange_powers() {
    std::array<std::array<float, 2 * lanes>, N> table{};
    for (int node = 0; node < N; ++node) {
        std::array<double, N> power{1};
        for (int other = 0; other < N; ++other) {
            if (other == node) {
                continue;
            }
            const double root = other - N / 2 + 1, scale = node - other;
            for (int k = N - 1; k >= 0; --k) {
                power[k] = ((k > 0 ? power[k - 1] : 0) - root * power[k]) / scale;
            }
        }
        for (int k = 0; k < N; ++k) {
            table[k][node < lanes ? node : node - Weights<N>::step + lanes] =
                static_cast<float>(power[k]);
        }
    }
    return table;
}

// Interpolation by the polynomial through N x N pixels.
template <int N>
struct Polynomial {
    static constexpr int taps = N;
    static constexpr bool border = true;

    explicit Polynomial(bool) {}

    Weights<N> weights(float t) const {
        static constexpr auto powers = lagrange_powers<N>();
        Weights<N> w;
        for (int h = 0; h < Weights<N>::halves; ++h) {
            w.half[h] = load(powers[N - 1].data() + h * lanes);
            for (int k = N - 2; k >= 0; --k) {
                w.half[h] = w.half[h] * t + load(powers[k].data() + h * lanes);
            }
        }
        return w;
    }
};

// The nearer of two pixels, the latter where both are equally near.
struct Nearest {
    static constexpr int taps = 2;
    static constexpr bool border = true;

    explicit Nearest(bool) {}

    Weights<2> weights(float t) const {
        const float last = t < 0.5F ? 0.0F : 1.0F;
        Weights<2> w;
        w.half[0] = Lanes{1 - last, last, 0, 0};
        return w;
    }
};

// The Lanczos function of order 3 at multiples of 1 / per_pixel, and a zero beyond.
std::vector<float> lanczos_table(int per_pixel) {
    constexpr double pi = 3.14159265358979323846;
    std::vector<float> table{1};
    for (int i = 1; i < 3 * per_pixel; ++i) {
        const double x = pi * i / per_pixel;
        table.push_back(static_cast<float>(3 * std::sin(x) * std::sin(x / 3) / (x * x)));
    }
    table.resize(3 * per_pixel + 2, 0);
    return table;
}

struct Lanczos {
    static constexpr int taps = 6;

    explicit Lanczos(bool compat) : border(!compat), compat_(compat) {}

    Weights<6> weights(float t) const {
        std::array<float, taps> w;
        float sum = 0;
        for (int i = 0; i < taps; ++i) {
            const float distance = std::abs(t - static_cast<float>(i - 2));
            w[i] = compat_ ? coarse(distance) : fine(distance);
            sum += w[i];
        }
        const float scale = compat_ ? 1 : sum;
        Weights<6> result;
        result.half[0] = Lanes{w[0], w[1], w[2], w[3]} / scale;
        result.half[1] = Lanes{0, 0, w[4], w[5]} / scale;
        return result;
    }

    const bool border;

  private:
    static float coarse(float distance) {
        static const std::vector<float> table = lanczos_table(100);
        return table[static_cast<std::size_t>(distance / 0.01F)];
    }

    static float fine(float distance) {
        static const std::vector<float> table = lanczos_table(1024);
        const float at = distance * 1024;
        const auto i = static_cast<std::size_t>(at);
        return table[i] + (at - static_cast<float>(i)) * (table[i + 1] - table[i]);
    }

    const bool compat_;
};

// The weighted sum of N x N pixels from `corner` on.
template <int N>
float weighted(const float *corner, ptrdiff_t stride, const Weights<N> &wx, const Weights<N> &wy) {
    if constexpr (N == 2) {
        return (corner[0] * wx[0] + corner[1] * wx[1]) * wy[0] +
               (corner[stride] * wx[0] + corner[stride + 1] * wx[1]) * wy[1];
    } else {
        Lanes sum{};
        for (int h = 0; h < Weights<N>::halves; ++h) {
            Lanes column = load(corner + h * Weights<N>::step) * wy[0];
            for (int j = 1; j < N; ++j) {
                column += load(corner + j * stride + h * Weights<N>::step) * wy[j];
            }
            sum += column * wx.half[h];
        }
        return (sum[0] + sum[2]) + (sum[1] + sum[3]);
    }
}

// Pixels beyond the border continue the image with its slope: twice the last one minus the
// mirrored one.
template <int N>
class Patch {
  public:
    Patch(const SourceImage &image, ptrdiff_t column, ptrdiff_t row, bool compat) : image_(image) {
        for (int j = 0; j < N; ++j) {
            for (int i = 0; i < N; ++i) {
                // the last row of poly5 is read from the wrong place there
                const bool wrong = compat && j == 5 && row + j >= image.ny;
                value_[j * N + i] = wrong ? in_row(image.ny - 4, column + i)
                                          : at(row + j, column + i);
            }
        }
    }

    const float *data() const { return value_.data(); }

  private:
    float at(ptrdiff_t row, ptrdiff_t column) const {
        const ptrdiff_t last = image_.ny - 1;
        if (row < 0) {
            return 2 * in_row(0, column) - in_row(-row, column);
        }
        return row <= last ? in_row(row, column)
                           : 2 * in_row(last, column) - in_row(2 * last - row, column);
    }

    float in_row(ptrdiff_t row, ptrdiff_t column) const {
        const float *line = image_.data + std::clamp(row, ptrdiff_t{0}, image_.ny - 1) * image_.nx;
        const ptrdiff_t last = image_.nx - 1;
        if (column < 0) {
            return 2 * line[0] - line[std::min(-column, last)];
        }
        return column <= last ? line[column]
                              : 2 * line[last] - line[std::max(2 * last - column, ptrdiff_t{0})];
    }

    const SourceImage &image_;
    std::array<float, N * N> value_;
};

template <class Kernel>
float sample(const SourceImage &image, const Kernel &kernel, double x, double y, bool compat,
             float missing) {
    constexpr int n = Kernel::taps;
    // positions are above -1 here
    const ptrdiff_t column = static_cast<ptrdiff_t>(x + 1) - 1, row = static_cast<ptrdiff_t>(y + 1) - 1;
    const ptrdiff_t left = column + 1 - n / 2, low = row + 1 - n / 2;
    const Weights<n> wx = kernel.weights(static_cast<float>(x - static_cast<double>(column)));
    const Weights<n> wy = kernel.weights(static_cast<float>(y - static_cast<double>(row)));
    const ptrdiff_t margin = kernel.border ? 0 : 1;
    if (left >= margin && low >= margin && left + n <= image.nx && low + n <= image.ny) {
        return weighted(image.data + low * image.nx + left, image.nx, wx, wy);
    }
    if (!kernel.border) {
        return missing;
    }
    return weighted(Patch<n>(image, left, low, compat).data(), n, wx, wy);
}

template <class Kernel>
void blot_with(const SourceImage &image, const BlotRules &rules, const double *x, const double *y,
               ptrdiff_t n, float *out) {
    const Kernel kernel(rules.compat);
    const auto nx = static_cast<double>(image.nx), ny = static_cast<double>(image.ny);
    const double low = rules.compat ? 0 : -0.5, beyond = rules.compat ? 0 : 0.5;
    for (ptrdiff_t k = 0; k < n; ++k) {
        const double px = rules.compat ? static_cast<float>(x[k]) : x[k];
        const double py = rules.compat ? static_cast<float>(y[k]) : y[k];
        const bool inside = px >= low && px <= nx - beyond && py >= low && py <= ny - beyond;
        out[k] = inside ? sample(image, kernel, px, py, rules.compat, rules.missing)
                        : rules.missing;
        out[k] = inside ? out[k] * rules.factor / rules.area : out[k];
    }
}

}  // namespace

void blot_row(const SourceImage &image, const BlotRules &rules, const double *x, const double *y,
              ptrdiff_t n, float *out) {
    switch (rules.interpolation) {
        case Interpolation::nearest: return blot_with<Nearest>(image, rules, x, y, n, out);
        case Interpolation::linear: return blot_with<Polynomial<2>>(image, rules, x, y, n, out);
        case Interpolation::poly3: return blot_with<Polynomial<4>>(image, rules, x, y, n, out);
        case Interpolation::poly5: return blot_with<Polynomial<6>>(image, rules, x, y, n, out);
        case Interpolation::lanczos3: return blot_with<Lanczos>(image, rules, x, y, n, out);
    }
}

void blot(const SourceImage &image, const PixelMap &map, const BlotRules &rules, float *out,
          ptrdiff_t nx, ptrdiff_t ny, int threads) {
    const ptrdiff_t bands = std::min(ny, ptrdiff_t{8} * std::max(threads, 1));
    parallel(threads, bands, [&](ptrdiff_t b) {
        std::vector<double> x(nx), y(nx);
        for (ptrdiff_t j = b * ny / bands; j < (b + 1) * ny / bands; ++j) {
            map.row(static_cast<double>(j), 0, 0, nx, x.data(), y.data());
            blot_row(image, rules, x.data(), y.data(), nx, out + j * nx);
        }
    });
}

}  // namespace trueup
