// What each family of kernels adds to the Python module, and what their bindings share.

#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>

template <class T, int N>
using Array = nanobind::ndarray<T, nanobind::ndim<N>, nanobind::c_contig, nanobind::device::cpu>;

// What a caller gives is checked before any kernel runs.
inline void require(bool condition, const char *message) {
    if (!condition) {
        throw std::invalid_argument(message);
    }
}

void bind_drizzle(nanobind::module_ &m);
void bind_stars(nanobind::module_ &m);
void bind_stats(nanobind::module_ &m);
void bind_reject(nanobind::module_ &m);
