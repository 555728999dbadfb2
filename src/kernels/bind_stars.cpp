// Python bindings of finding and fitting stars.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "peaks.hpp"
#include "profile.hpp"
#include "starfit.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Doubles = Array<const double, 1>;
using Stack = Array<const double, 3>;
using Indices = nb::ndarray<nb::numpy, std::int64_t, nb::ndim<1>>;

using std::ptrdiff_t;

// A profile with the array that it looks into.
struct StarProfile {
    std::optional<Stack> knots;
    std::unique_ptr<trueup::Profile> profile;

    void require_covers(std::size_t stars) const {
        require(profile->covers(static_cast<ptrdiff_t>(stars)),
                "a profile of each star is needed, or one for all");
    }
};

StarProfile gaussian(double sigma) {
    require(sigma > 0, "sigma must be positive");
    return {std::nullopt, std::make_unique<trueup::Gaussian>(sigma)};
}

StarProfile spline(const Stack &knots, int oversample, double center_x, double center_y) {
    const std::size_t side = knots.shape(1);
    require(side == knots.shape(2) && side % 2 == 1 && oversample > 0,
            "knots must have shape (n, m, m) with m odd, oversample must be positive");
    const trueup::Spline::Tables tables{knots.data(), static_cast<ptrdiff_t>(knots.shape(0)),
                                        static_cast<ptrdiff_t>(side)};
    return {knots, std::make_unique<trueup::Spline>(tables, oversample, center_x, center_y)};
}

int half_of(std::size_t side) { return static_cast<int>(side / 2); }

void star_light(const StarProfile &of, const Doubles &x, const Doubles &y,
                const Array<double, 4> &out) {
    const std::size_t n = x.shape(0), pixels = out.shape(2) * out.shape(3);
    require(y.shape(0) == n && out.shape(0) == 3 && out.shape(1) == n &&
                out.shape(2) == out.shape(3) && out.shape(2) % 2 == 1,
            "out must have shape (3, n, k, k) with k odd");
    of.require_covers(n);
    const nb::gil_scoped_release release;
    const int half = half_of(out.shape(2));
    trueup::Light light(half);
    for (std::size_t star = 0; star < n; ++star) {
        of.profile->light(static_cast<ptrdiff_t>(star), x.data()[star], y.data()[star], half,
                          light);
        double *at = out.data() + star * pixels;
        for (const auto *part : {&light.share, &light.to_x, &light.to_y}) {
            std::copy(part->begin(), part->end(), at);
            at += n * pixels;
        }
    }
}

void fit_stars(const Stack &stamps, const Doubles &noise, const StarProfile &of,
               const std::optional<Array<const double, 2>> &start, double gain, double wrong,
               double least_used, const Array<double, 2> &out) {
    const std::size_t n = stamps.shape(0), side = stamps.shape(1);
    require(side == stamps.shape(2) && side % 2 == 1 && noise.shape(0) == n,
            "stamps must have shape (n, k, k) with k odd, noise (n,)");
    require(!start || (start->shape(0) == n && start->shape(1) == 4), "start must have shape (n, 4)");
    require(out.shape(0) == 8 && out.shape(1) == n, "out must have shape (8, n)");
    of.require_covers(n);
    const nb::gil_scoped_release release;
    const trueup::StarFitRules rules{wrong, gain, least_used};
    for (std::size_t k = 0; k < n; ++k) {
        const trueup::Stamp stamp{stamps.data() + k * side * side, half_of(side), noise.data()[k]};
        const trueup::StarFit fit =
            trueup::fit_star(stamp, *of.profile, static_cast<ptrdiff_t>(k),
                             start ? start->data() + 4 * k : nullptr, rules);
        double *at = out.data() + k;
        for (const double value : {fit.flux, fit.x, fit.y, fit.sky, fit.snr, fit.sigma,
                                   fit.mismatch, fit.good ? 1.0 : 0.0}) {
            *at = value;
            at += n;
        }
    }
}

Indices as_array(std::vector<std::int64_t> &&values) {
    auto *kept = new std::vector<std::int64_t>(std::move(values));
    const nb::capsule owner(kept, [](void *p) noexcept {
        delete static_cast<std::vector<std::int64_t> *>(p);
    });
    return Indices(kept->data(), {kept->size()}, owner);
}

std::pair<Indices, Indices> find_peaks(const Array<const float, 2> &image,
                                       const Array<const float, 2> &level, int block, int margin) {
    const std::size_t ny = image.shape(0), nx = image.shape(1);
    const auto blocks = [&](std::size_t size) { return (size + block - 1) / block; };
    require(block > 0 && level.shape(0) == blocks(ny) && level.shape(1) == blocks(nx),
            "level must have a value for each block");
    trueup::Peaks found;
    {
        const nb::gil_scoped_release release;
        found = trueup::find_peaks({image.data(), static_cast<ptrdiff_t>(ny),
                                    static_cast<ptrdiff_t>(nx), level.data(), block},
                                   margin);
    }
    return {as_array(std::move(found.y)), as_array(std::move(found.x))};
}

}  // namespace

void bind_stars(nb::module_ &m) {
    nb::class_<StarProfile>(m, "StarProfile", "What a point source looks like in the pixels.")
        .def_static("gaussian", &gaussian, nb::kw_only(), "sigma"_a,
                    "A round Gaussian, integrated over the pixels.")
        .def_static("spline", &spline, "knots"_a, nb::kw_only(), "oversample"_a, "center_x"_a,
                    "center_y"_a,
                    "Cubic B-splines: knots (1 or n, m, m), one table for all stars or one each.");

    m.def("star_light", &star_light, "profile"_a, "x"_a, "y"_a, "out"_a,
          "Fill out (3, n, k, k) with shares of the light and their slopes to x and y.");

    m.def("fit_stars", &fit_stars, "stamps"_a, nb::kw_only(), "noise"_a, "profile"_a,
          "start"_a.none(), "gain"_a, "wrong"_a, "least_used"_a, "out"_a,
          "Fill out (8, n): flux, x, y, sky, snr, sigma, mismatch, and 1 where the fit is good.");

    m.def("find_peaks", &find_peaks, "image"_a, "level"_a, nb::kw_only(), "block"_a, "margin"_a,
          "y and x of the local maxima above the level of their block.");
}
