// Python bindings of the kernels: arrays in, arrays out, the GIL released around every call.

#include "bind.hpp"

NB_MODULE(_kernels, m) {
    m.doc() = "Compiled kernels of trueup.";
    bind_drizzle(m);
    bind_reject(m);
    bind_stars(m);
    bind_stats(m);
}
