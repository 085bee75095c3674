// The functions whose error vmath_ulp.cpp measures: as they are computed, exactly, and the bounds that are
// stated.
#pragma once

#include "kernels/simd/gelu.hpp"

#include <cmath>
#include <limits>
#include <type_traits>

namespace steepest {

#if defined(STEEPEST_ISA_SSE2)
constexpr bool fused = false;
#else
constexpr bool fused = true;
#endif

// The stated bounds in ULP, with fused multiply-add and without (SSE2); vmath.hpp documents the same numbers.
struct Bounds {
    double fused_float, fused_double, sse2_float, sse2_double;

    template <class T> double of() const {
        constexpr bool single = std::is_same_v<T, float>;
        return fused ? (single ? fused_float : fused_double) : (single ? sse2_float : sse2_double);
    }
};

struct Exp {
    static constexpr const char* name = "exp";
    static constexpr Bounds bounds = {0.91, 1.00, 1.19, 1.30};
    template <class T> static Vec<T> computed(Vec<T> x) { return vexp<T>(x); }
    template <class W> static W exact(W x) { return std::exp(x); }
    template <class T> static bool in_range(T y) { return y >= 0; }
};

struct Log {
    static constexpr const char* name = "log";
    static constexpr Bounds bounds = {0.87, 1.00, 0.91, 1.00};
    template <class T> static Vec<T> computed(Vec<T> x) { return vlog<T>(x); }
    template <class W> static W exact(W x) { return std::log(x); }
    template <class T> static bool in_range(T) { return true; }
};

struct Sigmoid {
    static constexpr const char* name = "sigmoid";
    static constexpr Bounds bounds = {2.41, 2.50, 2.41, 2.50};
    template <class T> static Vec<T> computed(Vec<T> x) { return vsigmoid<T>(x); }
    template <class W> static W exact(W x) {
        const W e = std::exp(-std::fabs(x));
        return (x < 0 ? e : 1) / (1 + e);
    }
    template <class T> static bool in_range(T y) { return y >= 0 && y <= 1; }
};

struct Tanh {
    static constexpr const char* name = "tanh";
    static constexpr Bounds bounds = {1.86, 2.50, 2.05, 2.50};
    template <class T> static Vec<T> computed(Vec<T> x) { return vtanh<T>(x); }
    template <class W> static W exact(W x) { return std::tanh(x); }
    template <class T> static bool in_range(T y) { return y >= -1 && y <= 1; }
};

struct Expm1 {
    static constexpr const char* name = "expm1";
    static constexpr Bounds bounds = {0.95, 1.40, 1.01, 1.40};
    template <class T> static Vec<T> computed(Vec<T> x) { return vexpm1<T>(minus_abs<T>(x)); }
    template <class W> static W exact(W x) { return std::expm1(-std::fabs(x)); }
    template <class T> static bool in_range(T y) { return y >= -1 && y <= 0; }
};

struct Softplus {
    static constexpr const char* name = "softplus";
    static constexpr Bounds bounds = {1.76, 2.00, 1.74, 2.00};
    template <class T> static Vec<T> computed(Vec<T> x) { return vsoftplus<T>(x); }
    template <class W> static W exact(W x) { return (x < 0 ? 0 : x) + std::log1p(std::exp(-std::fabs(x))); }
    template <class T> static bool in_range(T y) { return y >= 0; }
};

// Arguments in turns, less the nearest integer, which is exact. Beside 1 the result may be 1 and an ULP.
struct CosTurns {
    static constexpr const char* name = "cos";
    static constexpr Bounds bounds = {2.25, 2.70, 2.95, 3.30};
    template <class T> static Vec<T> computed(Vec<T> x) { return vcos_turns<T>(x); }
    template <class W> static W exact(W x) {
        return std::sin(2 * std::acos(W(-1)) * (W(0.25) - std::fabs(std::remainder(x, W(1)))));
    }
    template <class T> static bool in_range(T y) {
        return std::fabs(y) <= 1 + std::numeric_limits<T>::epsilon();
    }
};

struct SinTurns {
    static constexpr const char* name = "sin";
    static constexpr Bounds bounds = {2.25, 2.20, 2.95, 3.40};
    template <class T> static Vec<T> computed(Vec<T> x) { return vsin_turns<T>(x); }
    template <class W> static W exact(W x) {
        const W part = std::remainder(x, W(1)), size = std::fabs(part);
        return std::sin(2 * std::acos(W(-1)) * std::copysign(size < W(0.25) ? size : W(0.5) - size, part));
    }
    template <class T> static bool in_range(T y) {
        return std::fabs(y) <= 1 + std::numeric_limits<T>::epsilon();
    }
};

// Phi(-t) = erfc(z + d) / 2, z + d = t / sqrt(2), d, the rounding of z, corrected to first order: erfc
// multiplies it by up to 1500.
template <class W> W normal_tail_of(W t) {
    const W high = std::sqrt(W(0.5)), low = std::fma(high, high, W(-0.5)) / (-2 * high), z = t * high;
    const W d = std::fma(t, high, -z) + t * low, root_pi = std::sqrt(std::acos(W(-1)));
    return std::erfc(z) / 2 - std::exp(-z * z) / root_pi * d;
}

template <class W> W normal_density_of(W t) { return std::exp(-t * t / 2) / std::sqrt(2 * std::acos(W(-1))); }

// |x|, or where the tail is 0 in the narrower format, but not in W.
template <class W> W magnitude_of(W x) {
    const W most = sizeof(W) > 8 ? 60 : 38;
    return std::fabs(x) < most ? std::fabs(x) : most;
}

struct Gelu {
    static constexpr const char* name = "gelu";
    static constexpr Bounds bounds = {3.92, 4.50, 4.36, 4.80};
    template <class T> static Vec<T> computed(Vec<T> x) { return vgelu<T>(x); }
    template <class W> static W exact(W x) {
        const W t = magnitude_of(x), below = t * normal_tail_of(t);
        return x < 0 ? -below : x - below;
    }
    template <class T> static bool in_range(T y) { return y > T(-0.17); }
};

// Phi(x) + x phi(x), in ULP of Phi(x) + |x| phi(x).
struct GeluSlope {
    static constexpr const char* name = "gelu'";
    static constexpr Bounds bounds = {3.74, 4.50, 4.09, 4.80};
    template <class T> static Vec<T> computed(Vec<T> x) { return vgelu_slope<T>(x); }
    template <class W> static W exact(W x) {
        const W t = magnitude_of(x), below = normal_tail_of(t) - t * normal_density_of(t);
        return x < 0 ? below : std::isnan(x) ? x : 1 - below;
    }
    template <class T> static bool in_range(T y) { return y > T(-0.13) && y < T(1.13); }
};

} // namespace steepest
