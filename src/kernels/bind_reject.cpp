// Python bindings of the kernels that reject cosmic rays.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "blot.hpp"
#include "combine.hpp"
#include "cosmic.hpp"
#include "pixmap.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using std::ptrdiff_t;

using Table = Array<const double, 2>;
// images of a stack may lie apart, as those of a band of a larger stack do
using Cube = nb::ndarray<const float, nb::ndim<3>, nb::device::cpu>;
using Image = Array<const float, 2>;
using Plane = Array<float, 2>;
using Mask = Array<std::uint8_t, 2>;

// The place of a name in a list that is in the order of an enumeration.
template <class Enumeration, std::size_t N>
Enumeration named(const std::string &name, const std::array<const char *, N> &names) {
    const auto found = std::find(names.begin(), names.end(), name);
    require(found != names.end(), "unknown name of a method");
    return static_cast<Enumeration>(found - names.begin());
}

template <class A>
ptrdiff_t length(const A &array, int axis) {
    return static_cast<ptrdiff_t>(array.shape(axis));
}

using Pair = std::pair<double, double>;

trueup::CombineRules combine_rules(const std::string &method, std::pair<int, int> clip,
                                   Pair limits, Pair nsigma, int grow) {
    constexpr std::array<const char *, 5> names{"median", "mean", "sum", "minimum", "minmed"};
    require(clip.first >= 0 && clip.second >= 0 && grow >= 0, "numbers must not be negative");
    const bool fill_first = method == "imedian";
    return {named<trueup::Combine>(fill_first ? "median" : method, names),
            fill_first,
            clip.first,
            clip.second,
            static_cast<float>(limits.first),
            static_cast<float>(limits.second),
            nsigma.first,
            nsigma.second,
            grow};
}

void combine(const Cube &sci, const Cube &wht, const trueup::CombineRules &rules,
             const Table &members, const Plane &out, int first, int threads) {
    const std::size_t n = sci.shape(0);
    require(n > 0 && wht.shape(0) == n && wht.shape(1) == sci.shape(1) &&
                wht.shape(2) == sci.shape(2),
            "sci and wht differ in shape");
    const auto whole_images = [](const Cube &cube) {
        return cube.stride(2) == 1 && cube.stride(1) == length(cube, 2);
    };
    require(whole_images(sci) && whole_images(wht), "the rows of an image must follow one another");
    require(members.shape(0) == n && members.shape(1) == 3, "members must have shape (n, 3)");
    require(out.shape(1) == sci.shape(2) && first >= 0 &&
                first + length(out, 0) <= length(sci, 1),
            "out is not among the rows of the stack");
    require(rules.nlow + rules.nhigh < length(sci, 0), "all values are rejected");
    std::vector<trueup::StackMember> told;
    for (std::size_t i = 0; i < n; ++i) {
        const double *row = members.data() + 3 * i;
        told.push_back({row[0], row[1], row[2]});
    }
    const trueup::Stack stack{sci.data(),     wht.data(),     sci.stride(0),  wht.stride(0),
                              length(sci, 0), length(sci, 1), length(sci, 2)};
    const nb::gil_scoped_release release;
    trueup::combine(stack, told, rules, first, first + length(out, 0), out.data(), threads);
}

trueup::BlotRules blot_rules(const std::string &interpolation, float factor, float area,
                             float missing, bool compat) {
    constexpr std::array<const char *, 5> names{"nearest", "linear", "poly3", "poly5", "lanczos3"};
    return {named<trueup::Interpolation>(interpolation, names), factor, area, missing, compat};
}

template <class A>
trueup::SourceImage source(const A &image) {
    require(image.size() > 0, "the image is empty");
    return {image.data(), length(image, 1), length(image, 0)};
}

void blot(const Image &image, const trueup::PixelMap &map, const trueup::BlotRules &rules,
          const Plane &out, int threads) {
    const trueup::SourceImage from = source(image);
    const nb::gil_scoped_release release;
    trueup::blot(from, map, rules, out.data(), length(out, 1), length(out, 0), threads);
}

trueup::CosmicRules cosmic_rules(Pair snr, Pair scale, int grow, int cte_grow, int trail,
                                 bool compat) {
    require(grow >= 1 && cte_grow >= 0 && trail >= -1 && trail <= 1, "growth out of range");
    return {static_cast<float>(snr.first), static_cast<float>(snr.second),
            static_cast<float>(scale.first), static_cast<float>(scale.second), grow, cte_grow,
            trail, compat};
}

void reject_cosmic_rays(const Image &sci, const Image &clean, const trueup::PixelMap &map,
                        const trueup::ChipSignal &signal, const trueup::BlotRules &blotting,
                        const trueup::CosmicRules &rules, const Mask &mask,
                        const std::optional<Plane> &blotted, int threads) {
    const auto same = [&](const auto &plane) {
        return plane.shape(0) == sci.shape(0) && plane.shape(1) == sci.shape(1);
    };
    require(same(mask) && (!blotted || same(*blotted)), "the planes of the chip differ in shape");
    const trueup::ChipPixels chip{source(sci), signal};
    const trueup::CleanImage from{source(clean), map, blotting};
    const trueup::CosmicOutput out{mask.data(), blotted ? blotted->data() : nullptr};
    const nb::gil_scoped_release release;
    trueup::reject_cosmic_rays(chip, from, rules, out, threads);
}

// A settings class whose constructor is a function of keywords.
template <class T, class... Args, class... Names>
void bind_settings(nb::module_ &m, const char *name, const char *doc, T (*make)(Args...),
                   const Names &...names) {
    nb::class_<T>(m, name, doc)
        .def("__init__", [make](T *self, Args... args) { new (self) T(make(args...)); },
             nb::kw_only(), names...);
}

trueup::ChipSignal chip_signal(float conversion, float sky, float sky_electrons, float gain,
                               float read_variance) {
    return {conversion, sky, sky_electrons, gain, read_variance};
}

}  // namespace

void bind_reject(nb::module_ &m) {
    bind_settings(m, "CombineRules", "How a stack is combined.", &combine_rules, "method"_a,
                  "clip"_a, "limits"_a, "nsigma"_a, "grow"_a);
    bind_settings(m, "BlotRules", "How an image is blotted.", &blot_rules, "interpolation"_a,
                  "factor"_a, "area"_a, "missing"_a, "compat"_a);
    bind_settings(m, "ChipSignal", "What the values of a chip mean.", &chip_signal,
                  "conversion"_a, "sky"_a, "sky_electrons"_a, "gain"_a, "read_variance"_a);
    bind_settings(m, "CosmicRules", "What is a cosmic ray.", &cosmic_rules, "snr"_a, "scale"_a,
                  "grow"_a, "cte_grow"_a, "trail"_a, "compat"_a);
    m.def("combine", &combine, "sci"_a, "wht"_a, nb::kw_only(), "rules"_a, "members"_a, "out"_a,
          "first"_a, "threads"_a,
          "Combine rows of a stack from `first` on, as many as `out` has; members (n, 3): lowest "
          "weight, background per weight, read variance.");
    m.def("blot", &blot, "image"_a, "pixel_map"_a, nb::kw_only(), "rules"_a, "out"_a, "threads"_a,
          "Interpolate an image at the output pixels of the pixels of a chip.");
    m.def("reject_cosmic_rays", &reject_cosmic_rays, "sci"_a, "clean"_a, "pixel_map"_a,
          nb::kw_only(), "signal"_a, "blotting"_a, "rules"_a, "mask"_a, "blotted"_a.none(),
          "threads"_a,
          "Compare a chip with a clean image, blotted on the fly; 0 in mask is a cosmic ray.");
}
