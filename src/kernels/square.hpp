// The square kernel: shrunken pixels as quadrilaterals, shared by exact overlap.

#pragma once

#include <utility>
#include <vector>

#include "accumulate.hpp"
#include "overlap.hpp"
#include "pixmap.hpp"

namespace trueup {

// The mapped corners of one input row after the other.
class CornerRows {
  public:
    CornerRows(const PixelMap &map, double pixfrac, std::ptrdiff_t nx);

    void restart(Span columns);

    // Corners of row j of the chip; rows must follow one another since the last restart.
    Quads at(std::ptrdiff_t j);

  private:
    void evaluate(int corner, double y, double offset, std::ptrdiff_t extra);

    const PixelMap &map_;
    double half_;
    bool shared_, fresh_ = true;
    Span columns_{0, 0};
    std::vector<double> x_[4], y_[4];
};

// The few quadrilaterals of a batch that need more than 2 x 2 pixels, packed together.
struct Misfits {
    double x[4][batch_size], y[4][batch_size];
    std::ptrdiff_t count;

    void collect(const Quads &quads, std::ptrdiff_t first, std::ptrdiff_t size,
                 const Shares<2> &shares);
    Quads quads() const { return {{x[0], x[1], x[2], x[3]}, {y[0], y[1], y[2], y[3]}}; }
};

class Square {
  public:
    Square(const PixelMap &map, const Drop &drop, std::ptrdiff_t nx)
        : corners_(map, drop.pixfrac, nx) {}

    // How far a pixel may reach beyond its corners.
    static double radius(const Drop &) { return 0; }

    void restart(Span columns) {
        columns_ = columns;
        corners_.restart(columns);
    }

    void add_row(std::ptrdiff_t j, const InputRow &input, OutputRows &out);

  private:
    void add_batch(const Quads &quads, std::ptrdiff_t first, std::ptrdiff_t count,
                   const InputRow &input, OutputRows &out);
    void add_wide(std::ptrdiff_t misfit, const InputPixel &input, OutputRows &out);

    CornerRows corners_;
    Span columns_{0, 0};
    Shares<2> small_;
    Shares<3> medium_;
    Misfits misfits_;
    WideShare wide_;
};

}  // namespace trueup
