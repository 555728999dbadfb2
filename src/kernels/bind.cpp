// Python bindings of the kernels: arrays in, arrays out, the GIL released around every call.

#include <nanobind/nanobind.h>

NB_MODULE(_kernels, m) {
    m.doc() = "Compiled kernels of trueup.";
}
