// Python bindings of the mapping and of drizzle.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "bind.hpp"
#include "drizzle.hpp"
#include "pixmap.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Doubles = Array<const double, 1>;
using Nodes = Array<const double, 3>;
using Image = Array<const float, 2>;
using Plane = Array<float, 2>;
using Context = Array<std::int32_t, 2>;

using std::ptrdiff_t;

std::vector<double> copied(const double *data, std::size_t size) { return {data, data + size}; }

trueup::PixelMap make_map(const Nodes &nodes, double x0, double y0, double step,
                          const Doubles &break_xs, const Doubles &break_ys, const Nodes &breaks) {
    const std::size_t ny = nodes.shape(1), nx = nodes.shape(2), size = nx * ny;
    require(nodes.shape(0) == 2 && ((nx >= 4 && ny >= 4) || size == 0),
            "nodes must have shape (2, ny >= 4, nx >= 4) or be empty");
    require(step > 0, "step must be positive");
    const std::size_t bx = break_xs.shape(0), by = break_ys.shape(0);
    require(breaks.shape(0) == 2 && breaks.shape(1) == by && breaks.shape(2) == bx,
            "breaks must have shape (2, len(break_ys), len(break_xs))");
    require((bx == 0 && by == 0) || (bx >= 2 && by >= 2), "breaks need two nodes along each axis");
    return {{x0, y0, step, static_cast<std::ptrdiff_t>(nx), static_cast<std::ptrdiff_t>(ny),
             copied(nodes.data(), size), copied(nodes.data() + size, size)},
            {copied(break_xs.data(), bx), copied(break_ys.data(), by),
             copied(breaks.data(), bx * by), copied(breaks.data() + bx * by, bx * by)}};
}

void evaluate(const trueup::PixelMap &map, const Doubles &x, const Doubles &y,
              const Array<double, 2> &out) {
    const std::size_t n = x.shape(0);
    require(y.shape(0) == n && out.shape(0) == 2 && out.shape(1) == n, "shapes differ");
    const nb::gil_scoped_release release;
    for (std::size_t k = 0; k < n; ++k) {
        map.row(y.data()[k], 0, x.data()[k], 1, out.data() + k, out.data() + n + k);
    }
}

template <class A, class B>
bool same_shape(const A &a, const B &b) {
    return a.shape(0) == b.shape(0) && a.shape(1) == b.shape(1);
}

template <class T, class A>
T *data_or_null(const std::optional<A> &array) {
    return array ? array->data() : nullptr;
}

// What a chip is drizzled onto; the arrays may differ from call to call.
struct Output {
    Plane sum, weight;
    std::optional<Context> context;
    int bit;
    std::optional<Plane> variance, seconds;
    int first_row;

    trueup::Canvas canvas() const {
        require(same_shape(sum, weight) && (!context || same_shape(sum, *context)) &&
                    (!variance || same_shape(sum, *variance)) &&
                    (!seconds || same_shape(sum, *seconds)),
                "the output planes differ in shape");
        require(bit >= 0 && bit < 32, "bit must be 0 to 31");
        return {sum.data(), weight.data(), data_or_null<std::int32_t>(context),
                static_cast<std::int32_t>(std::uint32_t{1} << bit), data_or_null<float>(variance),
                data_or_null<float>(seconds), first_row, static_cast<ptrdiff_t>(sum.shape(1)),
                static_cast<ptrdiff_t>(sum.shape(0))};
    }
};

trueup::Drop make_drop(const std::string &kernel, double pixfrac, double scale) {
    constexpr std::array<const char *, 6> names{"square",   "turbo",    "point",
                                                "gaussian", "lanczos2", "lanczos3"};
    const auto found = std::find(names.begin(), names.end(), kernel);
    require(found != names.end(), "unknown kernel");
    require(pixfrac > 0 && pixfrac <= 1, "pixfrac must be above 0 and at most 1");
    require(scale > 0, "scale must be positive");
    return {static_cast<trueup::Kernel>(found - names.begin()), pixfrac, scale};
}

void drizzle(const Image &data, const Image &weight, const std::optional<Image> &variance,
             double seconds, int first_row, const trueup::PixelMap &map, const trueup::Drop &drop,
             const Output &out, int threads) {
    require(same_shape(data, weight) && (!variance || same_shape(data, *variance)),
            "the input planes differ in shape");
    require(variance || !out.variance, "an output with variances needs those of the input");
    const trueup::Input input{data.data(), weight.data(), data_or_null<const float>(variance),
                              seconds, first_row, static_cast<ptrdiff_t>(data.shape(1)),
                              static_cast<ptrdiff_t>(data.shape(0))};
    const trueup::Canvas canvas = out.canvas();
    const nb::gil_scoped_release release;
    trueup::drizzle(input, map, drop, canvas, threads);
}

void finish(const Output &out, float fill, int threads) {
    const trueup::Canvas canvas = out.canvas();
    const nb::gil_scoped_release release;
    trueup::finish(canvas, fill, threads);
}

}  // namespace

void bind_drizzle(nb::module_ &m) {
    nb::class_<trueup::PixelMap>(m, "PixelMap",
                                 "Output pixels of input pixels, interpolated from nodes.")
        .def("__init__",
             [](trueup::PixelMap *self, const Nodes &nodes, double x0, double y0, double step,
                const Doubles &break_xs, const Doubles &break_ys, const Nodes &breaks) {
                 new (self)
                     trueup::PixelMap(make_map(nodes, x0, y0, step, break_xs, break_ys, breaks));
             },
             "nodes"_a, nb::kw_only(), "x0"_a, "y0"_a, "step"_a, "break_xs"_a, "break_ys"_a,
             "breaks"_a)
        .def("evaluate", &evaluate, "x"_a, "y"_a, "out"_a,
             "Fill out (2, n) with the output pixels of the input pixels x, y (n).");

    nb::class_<trueup::Drop>(m, "Footprint", "The footprint of a pixel in the output.")
        .def("__init__",
             [](trueup::Drop *self, const std::string &kernel, double pixfrac, double scale) {
                 new (self) trueup::Drop(make_drop(kernel, pixfrac, scale));
             },
             nb::kw_only(), "kernel"_a, "pixfrac"_a, "scale"_a);

    nb::class_<Output>(m, "Output", "The planes that chips are added to.")
        .def("__init__",
             [](Output *self, const Plane &sum, const Plane &weight,
                const std::optional<Context> &context, int bit,
                const std::optional<Plane> &variance, const std::optional<Plane> &seconds,
                int first_row) {
                 new (self) Output{sum, weight, context, bit, variance, seconds, first_row};
             },
             nb::kw_only(), "sum"_a.noconvert(), "weight"_a.noconvert(),
             "context"_a.none().noconvert(), "bit"_a, "variance"_a.none().noconvert(),
             "seconds"_a.none().noconvert(), "first_row"_a);

    m.def("drizzle", &drizzle, "data"_a, "weight"_a, nb::kw_only(), "variance"_a.none(),
          "seconds"_a, "first_row"_a, "pixel_map"_a, "drop"_a, "out"_a, "threads"_a,
          "Add rows of one chip to the running sums.");
    m.def("finish", &finish, "out"_a, nb::kw_only(), "fill"_a, "threads"_a,
          "Turn the sums of weight * value into means.");
}
