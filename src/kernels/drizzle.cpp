#include "drizzle.hpp"

#include <algorithm>
#include <vector>

#include "accumulate.hpp"
#include "parallel.hpp"
#include "profiles.hpp"
#include "reach.hpp"
#include "square.hpp"

namespace trueup {

namespace {

using std::ptrdiff_t;

// Bands of the rows of a canvas: several per thread, for an even load, but not too thin.
template <class Work>
void each_band(const Canvas &canvas, int threads, const Work &work) {
    const ptrdiff_t bands = std::clamp(canvas.ny / 64, ptrdiff_t{1},
                                       threads > 1 ? ptrdiff_t{4} * threads : ptrdiff_t{1});
    parallel(threads, bands, [&](ptrdiff_t b) {
        work(Span{canvas.first_row + b * canvas.ny / bands,
                  canvas.first_row + (b + 1) * canvas.ny / bands});
    });
}

template <class Shape>
void drizzle_band(const Input &input, const Reach &reach, Shape shape, const Canvas &canvas,
                  Span band) {
    OutputRows out(canvas, band);
    std::vector<float> seconds;
    const Span slabs = reach.slabs();
    for (ptrdiff_t slab = slabs.begin; slab < slabs.end; ++slab) {
        const Span columns = reach.columns_of(slab, band, canvas.nx);
        if (columns.empty()) {
            continue;
        }
        shape.restart(columns);
        reach.areas_of(slab, input.seconds, seconds);
        const ptrdiff_t begin = std::max(slab * Reach::rows, input.first_row);
        const ptrdiff_t end = std::min((slab + 1) * Reach::rows, input.first_row + input.ny);
        for (ptrdiff_t j = begin; j < end; ++j) {
            const ptrdiff_t at = (j - input.first_row) * input.nx;
            const float *variance = input.variance == nullptr ? nullptr : input.variance + at;
            shape.add_row(j, {input.data + at, input.weight + at, variance, seconds.data()}, out);
        }
    }
}

template <class Shape>
void drizzle_as(const Input &input, const PixelMap &map, const Drop &drop, const Canvas &canvas,
                int threads) {
    const Reach reach(input, map, Shape::radius(drop));
    each_band(canvas, threads, [&](Span band) {
        drizzle_band(input, reach, Shape(map, drop, input.nx), canvas, band);
    });
}

}  // namespace

void drizzle(const Input &input, const PixelMap &map, const Drop &drop, const Canvas &canvas,
             int threads) {
    switch (drop.kernel) {
    case Kernel::square: return drizzle_as<Square>(input, map, drop, canvas, threads);
    case Kernel::turbo:
        // scales that are equal may differ by a rounding
        if (BoxProfile::radius(drop) <= 0.5 + 1e-9) {
            return drizzle_as<Centred<NarrowBoxProfile>>(input, map, drop, canvas, threads);
        }
        return drizzle_as<Centred<BoxProfile>>(input, map, drop, canvas, threads);
    case Kernel::point: return drizzle_as<Centred<PointProfile>>(input, map, drop, canvas, threads);
    case Kernel::gaussian:
        return drizzle_as<Centred<GaussianProfile>>(input, map, drop, canvas, threads);
    case Kernel::lanczos2:
        return drizzle_as<Centred<LanczosProfile<2>>>(input, map, drop, canvas, threads);
    case Kernel::lanczos3:
        return drizzle_as<Centred<LanczosProfile<3>>>(input, map, drop, canvas, threads);
    }
}

void finish(const Canvas &canvas, float fill, int threads) {
    each_band(canvas, threads, [&](Span band) {
        const ptrdiff_t end = (band.end - canvas.first_row) * canvas.nx;
        for (ptrdiff_t at = (band.begin - canvas.first_row) * canvas.nx; at < end; ++at) {
            const float weight = canvas.weight[at];
            canvas.sum[at] = weight == 0 ? fill : canvas.sum[at] / weight;
        }
    });
}

}  // namespace trueup
