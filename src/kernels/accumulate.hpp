// The output rows that one thread adds to.

#pragma once

#include <cmath>
#include <cstddef>

#include "drizzle.hpp"
#include "reach.hpp"

namespace trueup {

// One row of a chip, by column; the variance may be null. The exposure time, times the area of a
// pixel in the output, is by cell of Reach::columns columns.
struct InputRow {
    const float *data, *weight, *variance, *seconds;

};

// Pixel i of an input row, with what every share of it needs.
struct InputPixel {
    const InputRow &row;
    std::ptrdiff_t i;
    float value, weight;

    InputPixel(const InputRow &input, std::ptrdiff_t column)
        : row(input), i(column), value(input.data[column]), weight(input.weight[column]) {}

    bool counts() const { return weight != 0 && std::isfinite(value); }
};

// Rows and columns are counted in the whole frame.
class OutputRows {
  public:
    OutputRows(const Canvas &canvas, Span rows)
        : canvas_(canvas), rows_(rows),
          more_(canvas.context != nullptr || canvas.variance != nullptr ||
                canvas.seconds != nullptr) {}

    bool holds(std::ptrdiff_t column, std::ptrdiff_t row, std::ptrdiff_t columns,
               std::ptrdiff_t rows) const {
        return column >= 0 && column + columns <= canvas_.nx && row >= rows_.begin &&
               row + rows <= rows_.end;
    }

    // Adds a share of an input pixel.
    void add(std::ptrdiff_t column, std::ptrdiff_t row, double share, const InputPixel &input) {
        const std::ptrdiff_t at = (row - canvas_.first_row) * canvas_.nx + column;
        const auto part = static_cast<float>(input.weight * share);
        canvas_.sum[at] += part * input.value;
        canvas_.weight[at] += part;
        if (more_) {
            add_more(at, part, share, input);
        }
    }

    void add_if_held(std::ptrdiff_t column, std::ptrdiff_t row, double share,
                     const InputPixel &input) {
        if (holds(column, row, 1, 1)) {
            add(column, row, share, input);
        }
    }

  private:
    void add_more(std::ptrdiff_t at, float part, double share, const InputPixel &input) {
        if (canvas_.context != nullptr && part > 0) {
            canvas_.context[at] |= canvas_.bit;
        }
        if (canvas_.variance != nullptr) {
            canvas_.variance[at] += part * part * input.row.variance[input.i];
        }
        if (canvas_.seconds != nullptr) {
            canvas_.seconds[at] +=
                static_cast<float>(share * input.row.seconds[input.i / Reach::columns]);
        }
    }

    Canvas canvas_;
    Span rows_;
    bool more_;
};

}  // namespace trueup
