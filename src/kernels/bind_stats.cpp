// Python binding of the image statistics.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include "bind.hpp"
#include "stats.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <class T>
using Plane = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// A mask must cover the image; spans must lie within it.
trueup::Region checked_region(const Plane<float> &image, const std::optional<Plane<bool>> &mask,
                              const std::optional<Plane<std::int32_t>> &spans) {
    const auto ny = static_cast<std::ptrdiff_t>(image.shape(0));
    const auto nx = static_cast<std::ptrdiff_t>(image.shape(1));
    if (mask && (mask->shape(0) != image.shape(0) || mask->shape(1) != image.shape(1))) {
        throw std::invalid_argument("image and mask differ in shape");
    }
    if (spans && (spans->shape(0) != image.shape(0) || spans->shape(1) != 2)) {
        throw std::invalid_argument("spans must have shape (ny, 2)");
    }
    for (std::ptrdiff_t k = 0; spans && k < 2 * ny; ++k) {
        if (spans->data()[k] < 0 || spans->data()[k] > nx) {
            throw std::invalid_argument("spans must be within 0 and nx");
        }
    }
    const auto *good = mask ? reinterpret_cast<const std::uint8_t *>(mask->data()) : nullptr;
    return {image.data(), nx, ny, good, spans ? spans->data() : nullptr};
}

trueup::Statistics clipped_statistics(const Plane<float> &image,
                                      const std::optional<Plane<bool>> &mask,
                                      const std::optional<Plane<std::int32_t>> &spans,
                                      int iterations, std::pair<double, double> sigmas,
                                      std::pair<double, double> limits, bool median,
                                      double bin_sigma) {
    if (iterations < 0 || !(sigmas.first > 0) || !(sigmas.second > 0) || !(bin_sigma >= 0)) {
        throw std::invalid_argument("iterations and sigmas must not be negative");
    }
    const trueup::Region region = checked_region(image, mask, spans);
    constexpr double largest = std::numeric_limits<float>::max();
    const trueup::Clipping clipping{iterations, sigmas.first, sigmas.second,
                                    static_cast<float>(std::max(limits.first, -largest)),
                                    static_cast<float>(std::min(limits.second, largest))};
    const nb::gil_scoped_release release;
    return trueup::clipped_statistics(region, clipping, {median, bin_sigma > 0, bin_sigma});
}

}  // namespace

void bind_stats(nb::module_ &m) {
    using trueup::Statistics;

    nb::class_<Statistics>(m, "Statistics", "Clipped statistics of an image.")
        .def_ro("npix", &Statistics::npix)
        .def_ro("bins", &Statistics::bins)
        .def_ro("mean", &Statistics::mean)
        .def_ro("stddev", &Statistics::stddev)
        .def_ro("min", &Statistics::min)
        .def_ro("max", &Statistics::max)
        .def_ro("median", &Statistics::median)
        .def_ro("mode", &Statistics::mode);

    m.def("clipped_statistics", &clipped_statistics, "image"_a, nb::kw_only(), "mask"_a.none(),
          "spans"_a.none(), "iterations"_a, "sigmas"_a, "limits"_a, "median"_a, "bin_sigma"_a,
          "Statistics of the finite pixels, within the mask and the spans of each row.");
}
