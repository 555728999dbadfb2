// The fit of flux, centre and local sky of a point source to the pixels around it.

#pragma once

#include <cstddef>

#include "profile.hpp"

namespace trueup {

struct StarFitRules {
    // Error of the profile as a fraction of its value.
    double wrong;
    // Electrons per unit of the stamps, for photon noise; 0 for none.
    double gain;
    // Share of the pixels that a good fit uses at least.
    double least_used;
};

// What a fit comes to; x and y from the middle of the stamp.
struct StarFit {
    double flux, x, y, sky, snr, sigma, mismatch;
    bool good;
};

// Pixels around one source, sky subtracted, k x k with k = 2 half + 1; NaN is no data. Noise is per pixel.
struct Stamp {
    const double *pixels;
    int half;
    double noise;
};

// Gauss-Newton least squares from (flux, x, y, sky), or from the middle pixel where start is null.
StarFit fit_star(const Stamp &stamp, const Profile &profile, std::ptrdiff_t star,
                 const double *start, const StarFitRules &rules);

}  // namespace trueup
