// Plan: run-time numbers to types and template arguments.
#pragma once

#include "base/types.hpp"
#include "kernels/simd/simd.hpp"

namespace steepest {
namespace {

template <class... X> struct Types {
    static constexpr int count = int(sizeof...(X));
};

template <class A, class B> struct Join;
template <class... A, class... B> struct Join<Types<A...>, Types<B...>> {
    using Both = Types<A..., B...>;
};

// visit(X{}) for the X at a place of a list.
template <class F, class... X> STEEPEST_INLINE void with_type(Types<X...>, int place, F visit) {
    int next = 0;
    static_cast<void>(((place == next++ ? (visit(X{}), true) : false) || ...));
}

template <int N> struct Int {
    static constexpr int value = N;
};

// visit(Int<n>{}) for Least <= n <= Most.
template <int Least, int Most, class F> STEEPEST_INLINE void with_int(Index n, F visit) {
    if constexpr (Most > Least) {
        if (n < Most) return with_int<Least, Most - 1>(n, visit);
    }
    visit(Int<Most>{});
}

} // namespace
} // namespace steepest
