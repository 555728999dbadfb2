// The mapping from input to output pixels, interpolated from nodes.
//
// A smooth part (cubic between the nodes of an even grid) plus a part with breaks in its slope
// (bilinear between nodes placed on the breaks). The nodes hold output pixels, so that the kernels
// know nothing about the sky.

#pragma once

#include <cstddef>
#include <vector>

namespace trueup {

// Nodes (x0 + i * step, y0 + j * step) with the values of both output axes, row by row; may be
// empty.
struct SmoothGrid {
    double x0, y0, step;
    std::ptrdiff_t nx, ny;
    std::vector<double> x, y;
};

// Nodes (xs[i], ys[j]), ascending, with what is added on both axes; may be empty.
struct BreakGrid {
    std::vector<double> xs, ys;
    std::vector<double> x, y;
};

class PixelMap {
  public:
    PixelMap(SmoothGrid smooth, BreakGrid breaks);

    // Output pixels of the n input positions (first + k + offset, y). A position gives the same
    // result to the bit wherever its row begins.
    void row(double y, std::ptrdiff_t first, double offset, std::ptrdiff_t n, double *out_x,
             double *out_y) const;

  private:
    void set_smooth(double y, std::ptrdiff_t first, double offset, std::ptrdiff_t n,
                    double *out_x, double *out_y) const;
    void add_breaks(double y, std::ptrdiff_t first, double offset, std::ptrdiff_t n,
                    double *out_x, double *out_y) const;

    SmoothGrid smooth_;
    BreakGrid breaks_;
};

}  // namespace trueup
