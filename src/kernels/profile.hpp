// What a point source looks like in the pixels: a Gaussian, or an effective PSF as a cubic spline.

#pragma once

#include <cstddef>
#include <vector>

namespace trueup {

// Share of the light in each pixel of a stamp and its slopes to x and y, rows first.
struct Light {
    std::vector<double> share, to_x, to_y;

    explicit Light(int half)
        : share((2 * half + 1) * (2 * half + 1)), to_x(share.size()), to_y(share.size()) {}
};

class Profile {
public:
    virtual ~Profile() = default;
    // Of one star, whose centre is (x, y) from the middle of the stamp; fills a Light(half).
    virtual void light(std::ptrdiff_t star, double x, double y, int half, Light &out) const = 0;
    // Whether so many stars have a profile.
    virtual bool covers(std::ptrdiff_t) const { return true; }
};

// Round, and integrated over the pixels.
class Gaussian final : public Profile {
public:
    explicit Gaussian(double sigma) : sigma_(sigma) {}
    void light(std::ptrdiff_t star, double x, double y, int half, Light &out) const override;

private:
    double sigma_;
};

// Cubic B-splines on a grid of m x m knots, m odd: the PSF integrated over a pixel as a function of the
// offset between pixel and star (Anderson & King 2000, PASP 112, 1360). The star is at (center_x,
// center_y) pixels from the middle of the table. Beyond the table its border goes on.
class Spline final : public Profile {
public:
    // One table for all stars, or one for each.
    struct Tables {
        const double *knots;
        std::ptrdiff_t count, side;
    };

    Spline(const Tables &tables, int oversample, double center_x, double center_y)
        : tables_(tables), oversample_(oversample), center_x_(center_x), center_y_(center_y) {}
    void light(std::ptrdiff_t star, double x, double y, int half, Light &out) const override;
    bool covers(std::ptrdiff_t stars) const override {
        return tables_.count == 1 || tables_.count == stars;
    }

private:
    Tables tables_;
    int oversample_;
    double center_x_, center_y_;
};

}  // namespace trueup
