// Compute: functions of contiguous elements.
#pragma once

#include "kernels/activations.hpp"
#include "kernels/simd/map.hpp"

namespace steepest {
namespace {

// A function of its own for each f: inlined into a switch, the stack frame of one would be everyone's.
template <class T, Vec<T> (*f)(Vec<T>)> __attribute__((noinline)) void map_apart(const T* x, T* y, Index n) {
    map<T>(n, [](Vec<T> v) { return f(v); }, y, x);
}

template <class T> void function(Function function, const T* x, T* y, Index n) {
    switch (function) {
    case Function::exp:
        return map_apart<T, vexp<T>>(x, y, n);
    case Function::log:
        return map_apart<T, vlog<T>>(x, y, n);
    }
}

template <class T, class A> __attribute__((noinline)) void values(T slope, const T* x, T* y, Index n) {
    map<T>(n, [=](Vec<T> v) { return A::template value<T>(v, slope); }, y, x);
}

template <class T> void activate(Activation activation, T slope, const T* x, T* y, Index n) {
    with_activation(activation, [&](auto a) { values<T, decltype(a)>(slope, x, y, n); });
}

template <class T, class A>
__attribute__((noinline)) void gradients(T slope, const T* y, const T* dy, T* dx, Index n) {
    if constexpr (__is_same(A, Identity))
        return map<T>(n, [](Vec<T> g) { return g; }, dx, dy); // y may be null
    map<T>(n, [=](Vec<T> v, Vec<T> g) { return A::template gradient<T>(v, g, slope); }, dx, y, dy);
}

template <class T>
void activation_gradient(Activation activation, T slope, const T* y, const T* dy, T* dx, Index n) {
    with_activation(activation, [&](auto a) { gradients<T, decltype(a)>(slope, y, dy, dx, n); });
}

template <class T> void average(T share, const T* x, T* mean, Index n) {
    if (share == 1) return map<T>(n, [](Vec<T> v) { return v; }, mean, x);
    const Vec<T> part = broadcast(share);
    map<T>(n, [part](Vec<T> v, Vec<T> m) { return fma(part, v - m, m); }, mean, x, mean);
}

template <class T> void multiply(const T* x, const T* factor, T* y, Index n) {
    map<T>(n, [](Vec<T> a, Vec<T> b) { return a * b; }, y, x, factor);
}

template <class T> void add_scaled(const T* a, const T* b, T scale, T* y, Index n) {
    const Vec<T> factor = broadcast(scale);
    map<T>(n, [=](Vec<T> u, Vec<T> v) { return fma(factor, v, u); }, y, a, b);
}

} // namespace
} // namespace steepest
