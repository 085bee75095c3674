// GELU, x Phi(x) with Phi the normal distribution function, and its slope Phi(x) + x phi(x): in the manner of
// vmath.hpp, which tells their errors too.
#pragma once

#include "kernels/simd/vmath.hpp"

namespace steepest {
namespace {

// The tail Phi(-t) = exp(-t^2/2) M(t), t >= 0, with M falling from 1/2 like 0.4/t: M(t) = P(2 v - 1) / (t +
// pivot), v = t / (t + pivot), one polynomial for all t up to `end`, beyond which the tail is 0. At small t v
// is small, and its rounding does not count. (M is Mills' ratio, but for a factor.)
template <class T> struct Mills;

// P: Remez fits in 50 digits of the error relative to M, 7.1e-9 in float, 2.3e-17 in double with rounded
// coefficients. The pivots are those near 3 that round the coefficients best.
template <> struct Mills<float> {
    static constexpr float pivot = 2.78125f, end = 14.5f;
    static constexpr std::uint32_t high_half = 0xfffff000; // of a number's bits: its square is exact

    STEEPEST_INLINE static Vec<float> polynomial_of(Vec<float> q) {
        return polynomial<float>(q, 4.387362e-05f, 7.7653715e-07f, -0.00044238102f, -0.00042219664f,
                                 0.0023831415f, 0.0037717037f, -0.01602244f, -0.020178976f, 0.18845682f,
                                 -0.47901845f, 0.72035885f);
    }
};

template <> struct Mills<double> {
    static constexpr double pivot = 3.46875, end = 39;
    static constexpr std::uint64_t high_half = 0xfffffffff8000000;

    STEEPEST_INLINE static Vec<double> polynomial_of(Vec<double> q) {
        return polynomial<double>(q, 1.6997662343418565e-09, 4.829479134602826e-09, -6.6892710737431226e-09,
                                  -3.8752572398716195e-08, -1.7078024894620115e-08, 1.488645781858326e-07,
                                  2.6839673672501945e-07, -2.7198526355708273e-07, -1.5212775987129154e-06,
                                  -6.835324850486332e-07, 6.3115486649112024e-06, 9.986194362312683e-06,
                                  -2.288830142199185e-05, -7.072919751823482e-05, 8.875328107249134e-05,
                                  0.00045343715455038204, -0.0005563162887586061, -0.0029795276188591554,
                                  0.006894008799449825, 0.01514302228314181, -0.11162202400498777,
                                  0.31049430158153374, -0.562502929884306, 0.743608990380374);
    }
};

// The parts of the tail at t: exp(-t^2/2) is gauss * 2^exponent, left apart because a subnormal number would
// lose digits before the last product.
template <class T> struct NormalTail {
    Vec<T> minus_t, minus_v, sum, polynomial, gauss; // sum: t + pivot
    Reduced<T> exponent;
};

// Of t = |x|. The rounding of t^2 would be 100 ULP of exp(-t^2/2), so the square is taken in two parts:
// h^2 + (t - h) (t + h), where h is t without its low bits and h^2 is exact.
template <class T> STEEPEST_INLINE NormalTail<T> normal_tail(Vec<T> x) {
    using F = Format<T>;
    const Vec<T> a = maximum(broadcast(-Mills<T>::end), minus_abs<T>(x)), half = broadcast(T(0.5));
    const Vec<T> h = (Vec<T>)((Bits<T>)a & Mills<T>::high_half);
    const Vec<T> high = half * h * h, low = half * (a - h) * (a + h);
    Reduced<T> e = reduce<T, 2 * F::bias>(-(high + low));
    e.r = fma(e.n, broadcast(-F::ln2_low), fma(e.n, broadcast(-F::ln2_high), -high)) - low;
    const Vec<T> sum = broadcast(Mills<T>::pivot) - a, v = a / sum;
    const Vec<T> q = fma(broadcast(T(-2)), v, broadcast(T(-1)));
    return {a, v, sum, Mills<T>::polynomial_of(q), exp_reduced<T>(e.r), e};
}

// max(x, 0) - |x| Phi(-|x|): accurate for all x, and -0 instead of NaN for -inf. The floor is -0.0, to which
// what has underflowed adds to -0.0.
template <class T> STEEPEST_INLINE Vec<T> vgelu(Vec<T> x) {
    const NormalTail<T> tail = normal_tail<T>(x);
    const Vec<T> below = scaled<T>(tail.minus_v * (tail.polynomial * tail.gauss), tail.exponent);
    return maximum(broadcast(T(-0.0)), x) + below;
}

// At x < 0 exp(-x^2/2) (M(-x) + x / sqrt(2 pi)), which crosses 0 at -0.7518; 1 less that of -x above.
template <class T> STEEPEST_INLINE Vec<T> vgelu_slope(Vec<T> x) {
    const NormalTail<T> tail = normal_tail<T>(x);
    const Vec<T> density = broadcast(T(0.3989422804014327));
    const Vec<T> slope = fma(density, tail.minus_t, tail.polynomial / tail.sum);
    const Vec<T> below = scaled<T>(slope * tail.gauss, tail.exponent);
    return select<T>(x < Vec<T>{}, below, broadcast(T(1)) - below);
}

} // namespace
} // namespace steepest
