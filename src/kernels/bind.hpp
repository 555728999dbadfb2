// What each family of kernels adds to the Python module.

#pragma once

#include <nanobind/nanobind.h>

void bind_drizzle(nanobind::module_ &m);
void bind_stars(nanobind::module_ &m);
void bind_stats(nanobind::module_ &m);
void bind_reject(nanobind::module_ &m);
