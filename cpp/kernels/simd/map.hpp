// Compute: loops over the vectors of contiguous elements.
#pragma once

#include "base/types.hpp"
#include "kernels/simd/simd.hpp"

namespace steepest {
namespace {

// visit(offset) for each whole vector of n contiguous elements, visit(offset, tail) for the rest. Every
// element goes through the same instructions, so its bits do not depend on where it stands.
template <class T, class F> STEEPEST_INLINE void for_vectors(Index n, F visit) {
    Index i = 0;
    for (; i + lanes<T> <= n; i += lanes<T>) visit(i);
    if (i < n) visit(i, Tail<T>(n - i));
}

// y = f(x, ...) for arrays of n elements; y may be any of the inputs.
template <class T, class F, class... X> STEEPEST_INLINE void map(Index n, F f, T* y, const X*... x) {
    for_vectors<T>(n, [=](Index i, auto... tail) __attribute__((always_inline)) {
        store(y + i, f(load(x + i, tail...)...), tail...);
    });
}

// v within [-bound, bound]; NaN passes.
template <class T> STEEPEST_INLINE Vec<T> clamped(Vec<T> v, T bound) {
    return minimum(broadcast(bound), maximum(broadcast(-bound), v));
}

} // namespace
} // namespace steepest
