// Compute: the largest of some pieces, and which of them gets its gradient.
#pragma once

#include "kernels/simd/map.hpp"

namespace steepest {
namespace {

template <class T> void maxout(const T* x, Index pieces, Index distance, T* y, Index n) {
    for_vectors<T>(n, [=](Index j, auto... tail) {
        Vec<T> top = load(x + j, tail...);
        for (Index p = 1; p < pieces; ++p) {
            const Vec<T> v = load(x + p * distance + j, tail...);
            top = select<T>(top != top, top, maximum(top, v)); // NaN, whichever piece it is in
        }
        store(y + j, top, tail...);
    });
}

template <class T>
void maxout_gradient(const T* x, Index piece, Index distance, const T* y, const T* dy, T* dx, Index n) {
    for_vectors<T>(n, [=](Index j, auto... tail) {
        const Vec<T> top = load(y + j, tail...);
        Vec<T> g = load(dy + j, tail...);
        g = select<T>(load(x + piece * distance + j, tail...) == top, g, Vec<T>{});
        for (Index p = 0; p < piece; ++p) // the first of equals
            g = select<T>(load(x + p * distance + j, tail...) == top, Vec<T>{}, g);
        store(dx + j, g, tail...);
    });
}

} // namespace
} // namespace steepest
