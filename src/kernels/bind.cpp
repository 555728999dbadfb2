// Python bindings of the kernels: arrays in, arrays out, the GIL released around every call.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <optional>
#include <stdexcept>

#include "bind.hpp"
#include "drizzle.hpp"
#include "pixmap.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <class T, int N>
using Array = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
using Doubles = Array<const double, 1>;
using Nodes = Array<const double, 3>;
using Image = Array<const float, 2>;
using Plane = Array<float, 2>;
using Context = Array<std::int32_t, 2>;

void require(bool condition, const char *message) {
    if (!condition) {
        throw std::invalid_argument(message);
    }
}

std::vector<double> copied(const double *data, std::size_t size) { return {data, data + size}; }

trueup::PixelMap make_map(const Nodes &nodes, double x0, double y0, double step,
                          const Doubles &break_xs, const Doubles &break_ys, const Nodes &breaks) {
    const std::size_t ny = nodes.shape(1), nx = nodes.shape(2), size = nx * ny;
    require(nodes.shape(0) == 2 && nx >= 4 && ny >= 4, "nodes must have shape (2, ny >= 4, nx >= 4)");
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

void drizzle_square(const Image &data, const Image &weight, const trueup::PixelMap &map,
                    double pixfrac, const Plane &out_sum, const Plane &out_weight,
                    const std::optional<Context> &context, int bit, int first_row,
                    int first_input_row, int threads) {
    const auto same = [](const auto &a, const auto &b) {
        return a.shape(0) == b.shape(0) && a.shape(1) == b.shape(1);
    };
    require(same(data, weight), "data and weight differ in shape");
    require(same(out_sum, out_weight) && (!context || same(out_sum, *context)),
            "the output planes differ in shape");
    require(pixfrac > 0 && pixfrac <= 1, "pixfrac must be above 0 and at most 1");
    require(bit >= 0 && bit < 32, "bit must be 0 to 31");
    const trueup::Input input{data.data(), weight.data(), first_input_row,
                              static_cast<std::ptrdiff_t>(data.shape(1)),
                              static_cast<std::ptrdiff_t>(data.shape(0))};
    const trueup::Canvas canvas{out_sum.data(), out_weight.data(),
                                context ? context->data() : nullptr,
                                static_cast<std::int32_t>(std::uint32_t{1} << bit),
                                first_row,
                                static_cast<std::ptrdiff_t>(out_sum.shape(1)),
                                static_cast<std::ptrdiff_t>(out_sum.shape(0))};
    const nb::gil_scoped_release release;
    trueup::drizzle_square(input, map, pixfrac, canvas, threads);
}

}  // namespace

NB_MODULE(_kernels, m) {
    m.doc() = "Compiled kernels of trueup.";

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

    m.def("drizzle_square", &drizzle_square, "data"_a, "weight"_a, "pixel_map"_a, nb::kw_only(),
          "pixfrac"_a, "out_sum"_a, "out_weight"_a, "context"_a.none(), "bit"_a,
          "first_row"_a, "first_input_row"_a, "threads"_a,
          "Add one chip to the running sums of weight * value and of weight.");
    bind_reject(m);
    bind_stats(m);
}
