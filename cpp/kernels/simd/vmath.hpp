// exp, log and what is made of them, of whole vectors: polynomials of our own, because libm is scalar, and
// vector libraries round differently on each instruction set. Each lane is computed alone and for every
// argument, subnormals, infinities and NaN included; AVX2, AVX-512 and NEON give the same bits.
//
// Largest error in ULP. Float: all 2^32 arguments, so a proof. Double: the largest met in at least 16
// million arguments, and the bound held. tests/vmath_ulp.cpp measures, and fails beyond its table of the same
// bounds.
//
//              float        double, met  double, bound
//              FMA   SSE2   FMA   SSE2   FMA   SSE2
//     exp      0.91  1.19   0.90  1.16   1.00  1.30
//     log      0.87  0.91   0.84  0.86   1.00  1.00
//     sigmoid  2.41  2.41   2.28  2.30   2.50  2.50
//     tanh     1.86  2.05   2.18  2.24   2.50  2.50
//     expm1    0.95  1.01   1.16  1.12   1.40  1.40   for x <= 0
//     softplus 1.76  1.74   1.70  1.69   2.00  2.00
//     cos      2.25  2.95   2.60  3.15   2.70  3.30   of 2 pi x: at most 1 and an ULP
//     sin      2.25  2.95   2.04  3.24   2.20  3.40   likewise
//     gelu     3.92  4.36   3.68  3.99   4.50  4.80
//     gelu'    3.74  4.09   3.65  3.65   4.50  4.80   in ULP of Phi(x) + |x| phi(x)
//
// (gelu and gelu', its slope, are in gelu.hpp.)
#pragma once

#include "kernels/simd/simd.hpp"

namespace steepest {
namespace {

// The number format: sign, biased exponent, mantissa.
template <class T> struct Format;

template <> struct Format<float> {
    typedef std::uint32_t Bits __attribute__((vector_size(vector_bytes)));
    static constexpr int mantissa_bits = 23, bias = 127;
    static constexpr float two_to_mantissa_bits = 0x1p23f, smallest_normal = 0x1p-126f;
    static constexpr std::uint32_t mantissa_mask = 0x007fffff, sqrt_half = 0x3f3504f3;
    static constexpr float log2_e = 0x1.715476p+0f;
    static constexpr float ln2_high = 0x1.62e4p-1f,
                           ln2_low = 0x1.7f7d1cp-20f; // any exponent times high is exact
    static constexpr float exp_is_zero = -104, exp_is_inf = 89,
                           tanh_is_one = 20; // twice the argument of tanh
};

template <> struct Format<double> {
    typedef std::uint64_t Bits __attribute__((vector_size(vector_bytes)));
    static constexpr int mantissa_bits = 52, bias = 1023;
    static constexpr double two_to_mantissa_bits = 0x1p52, smallest_normal = 0x1p-1022;
    static constexpr std::uint64_t mantissa_mask = 0x000fffffffffffff, sqrt_half = 0x3fe6a09e667f3bcd;
    static constexpr double log2_e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
    static constexpr double exp_is_zero = -746, exp_is_inf = 710, tanh_is_one = 40;
};

template <class T> using Bits = typename Format<T>::Bits;

template <class T, class... C> STEEPEST_INLINE Vec<T> polynomial(Vec<T> x, T highest, C... lower) {
    Vec<T> sum = broadcast(highest);
    ((sum = fma(sum, x, broadcast(lower))), ...);
    return sum;
}

// q in expm1(r) = r + r^2 q(r), |r| <= ln(2)/2. Own Remez fit in 50 digits of the error relative to expm1,
// coefficients rounded one by one from the lowest power up and the others refitted: 1.4e-8 in float, 2.0e-17
// in double.
STEEPEST_INLINE Vec<float> expm1_polynomial(Vec<float> r) {
    return polynomial<float>(r, 0.0013864569f, 0.008366542f, 0.041667502f, 0.16666543f, 0.49999997f);
}

STEEPEST_INLINE Vec<double> expm1_polynomial(Vec<double> r) {
    return polynomial<double>(r, 2.5056582017977348e-08, 2.762632950345613e-07, 2.755739934866295e-06,
                              2.4801504448114904e-05, 0.00019841269727301564, 0.0013888888932370475,
                              0.008333333333386206, 0.041666666666573655, 0.16666666666666594,
                              0.5000000000000006);
}

// R in log((1 + s) / (1 - s)) = 2 s + s z R(z), z = s^2, |s| <= 3 - sqrt(8). Fitted in the same
// way: 8.1e-10, 1.3e-18.
STEEPEST_INLINE Vec<float> log_polynomial(Vec<float> z) {
    return polynomial<float>(z, 0.29871237f, 0.39977574f, 0.66666776f);
}

STEEPEST_INLINE Vec<double> log_polynomial(Vec<double> z) {
    return polynomial<double>(z, 0.14797486401831159, 0.1531390292016105, 0.1818356988327486,
                              0.22222198469673732, 0.28571428743375654, 0.39999999999410213,
                              0.6666666666666735);
}

// x = n ln(2) + r, |r| <= ln(2)/2 (Cody and Waite). Adding 1.5 * 2^mantissa_bits rounds to an integer, which
// the low bits of the sum then hold: n + offset, so that an exponent field is one shift away.
template <class T> struct Reduced {
    Vec<T> n, r;
    Bits<T> n_plus_offset;
};

template <class T, int offset> STEEPEST_INLINE Reduced<T> reduce(Vec<T> x) {
    using F = Format<T>;
    const Vec<T> magic = broadcast(T(1.5) * F::two_to_mantissa_bits + offset);
    const Vec<T> sum = fma(x, broadcast(F::log2_e), magic);
    const Vec<T> n = sum - magic;
    const Vec<T> r = fma(n, broadcast(-F::ln2_low), fma(n, broadcast(-F::ln2_high), x));
    return {n, r, (Bits<T>)sum};
}

// exp(r), |r| <= ln(2)/2.
template <class T> STEEPEST_INLINE Vec<T> exp_reduced(Vec<T> r) {
    const Vec<T> one = broadcast(T(1));
    return fma(fma(expm1_polynomial(r), r, one), r, one);
}

// p * 2^n, n reduced with the offset 2 * bias.
template <class T> STEEPEST_INLINE Vec<T> scaled(Vec<T> p, const Reduced<T>& a) {
#if defined(STEEPEST_ISA_AVX512)
    if constexpr (sizeof(T) == 4)
        return (Vec<T>)_mm512_maskz_scalef_ps(__mmask16(-1), (__m512)p, (__m512)a.n);
    else
        return (Vec<T>)_mm512_maskz_scalef_pd(__mmask8(-1), (__m512d)p, (__m512d)a.n);
#else
    using F = Format<T>;
    // Two factors, since 2^n may lie outside the format. Only the second product can round: the same bits as
    // scalef.
    const Bits<T> half = a.n_plus_offset >> 1, rest = a.n_plus_offset - half;
    return p * (Vec<T>)(half << F::mantissa_bits) * (Vec<T>)(rest << F::mantissa_bits);
#endif
}

// exp(x) for exp_is_zero <= x <= exp_is_inf, or NaN.
template <class T> STEEPEST_INLINE Vec<T> exp_in_range(Vec<T> x) {
    const Reduced<T> a = reduce<T, 2 * Format<T>::bias>(x);
    return scaled<T>(exp_reduced<T>(a.r), a);
}

template <class T> STEEPEST_INLINE Vec<T> vexp(Vec<T> x) {
    using F = Format<T>;
    return exp_in_range<T>(minimum(broadcast(F::exp_is_inf), maximum(broadcast(F::exp_is_zero), x)));
}

template <class T> STEEPEST_INLINE Vec<T> minus_abs(Vec<T> x) {
    return (Vec<T>)((Bits<T>)x | (Bits<T>)broadcast(T(-0.0)));
}

template <class T> STEEPEST_INLINE Vec<T> absolute(Vec<T> x) {
    return (Vec<T>)((Bits<T>)x & ~(Bits<T>)broadcast(T(-0.0)));
}

// 1 / (1 + exp(-x)) for x >= 0, exp(x) / (1 + exp(x)) below: accurate however close to 0.
template <class T> STEEPEST_INLINE Vec<T> vsigmoid(Vec<T> x) {
    const Vec<T> one = broadcast(T(1));
    const Vec<T> e = exp_in_range<T>(maximum(broadcast(Format<T>::exp_is_zero), minus_abs<T>(x)));
    return select<T>(x < Vec<T>{}, e, one) / (one + e);
}

// tanh|x| = q = t / (2 + t) with t = expm1(2|x|), then the sign of x, that of -0.0 too. A small t takes the
// equal t/2 - t/2 q, which damps the roundings of q: 1.86 ULP instead of 2.57 in float.
template <class T> STEEPEST_INLINE Vec<T> vtanh(Vec<T> x) {
    using F = Format<T>;
    const Bits<T> sign = (Bits<T>)x & (Bits<T>)broadcast(T(-0.0));
    const Vec<T> magnitude = (Vec<T>)((Bits<T>)x ^ sign);
    const Reduced<T> a = reduce<T, F::bias>(minimum(broadcast(F::tanh_is_one), magnitude + magnitude));
    const Vec<T> power = (Vec<T>)(a.n_plus_offset << F::mantissa_bits); // 2^n
    const Vec<T> p = fma(expm1_polynomial(a.r), a.r * a.r, a.r);
    const Vec<T> t = fma(p, power, power - broadcast(T(1)));
    const Vec<T> q = t / (t + broadcast(T(2))), half = t * broadcast(T(0.5));
    return (Vec<T>)((Bits<T>)select<T>(t < broadcast(T(0.7)), fma(-half, q, half), q) | sign);
}

// expm1(x) for x <= 0: 2^n expm1(r) + (2^n - 1), with the sign of x, that of -0.0 too.
template <class T> STEEPEST_INLINE Vec<T> vexpm1(Vec<T> x) {
    using F = Format<T>;
    const Reduced<T> a = reduce<T, F::bias>(maximum(broadcast(-F::tanh_is_one), x));
    const Vec<T> power = (Vec<T>)(a.n_plus_offset << F::mantissa_bits); // 2^n
    const Vec<T> p = fma(expm1_polynomial(a.r), a.r * a.r, a.r);
    const Bits<T> sign = (Bits<T>)x & (Bits<T>)broadcast(T(-0.0));
    return (Vec<T>)((Bits<T>)fma(p, power, power - broadcast(T(1))) | sign);
}

// log(2^k (1 + f)) with sqrt(1/2) <= 1 + f <= sqrt(2); log(1 + f) = f - f^2/2 + s (f^2/2 + z R(z)), s = f /
// (2 + f), z = s^2: the arrangement of fdlibm's e_log.c, in which f itself, the largest term, carries no
// rounding error.
template <class T> STEEPEST_INLINE Vec<T> log_reduced(Vec<T> k, Vec<T> f) {
    using F = Format<T>;
    const Vec<T> s = f / (f + broadcast(T(2))), z = s * s, half_square = broadcast(T(0.5)) * f * f;
    const Vec<T> tail =
        fma(s, fma(log_polynomial(z), z, half_square), fma(k, broadcast(F::ln2_low), -half_square));
    return fma(k, broadcast(F::ln2_high), f + tail);
}

template <class T> STEEPEST_INLINE Vec<T> vlog(Vec<T> x) {
    using F = Format<T>;
    const Vec<T> one = broadcast(T(1)), shift = broadcast(F::two_to_mantissa_bits);
    const Bits<T> sqrt_half = Bits<T>{} + F::sqrt_half;
    const auto subnormal = x < broadcast(F::smallest_normal);
    const Bits<T> u = (Bits<T>)select<T>(subnormal, x * shift, x) + ((Bits<T>)one - sqrt_half);
    const Vec<T> biased_k = (Vec<T>)((u >> F::mantissa_bits) | (Bits<T>)shift); // 2^mantissa_bits + bias + k
    const Vec<T> normal_bias = broadcast(F::two_to_mantissa_bits + F::bias);
    const Vec<T> k =
        biased_k - select<T>(subnormal, normal_bias + broadcast(T(F::mantissa_bits)), normal_bias);
    const Vec<T> f = (Vec<T>)((u & F::mantissa_mask) + sqrt_half) - one;
    const Vec<T> finite = log_reduced<T>(k, f);

    const Vec<T> inf = broadcast(T(__builtin_inf())), nan = broadcast(T(__builtin_nan("")));
    const Vec<T> positive = select<T>(x < inf, finite, inf);
    return select<T>(x > Vec<T>{}, positive, select<T>(x == Vec<T>{}, -inf, nan));
}

// log(1 + x) for 0 <= x <= 1, or NaN; 2 (1 + (x - 1) / 2) above sqrt(2) - 1.
template <class T> STEEPEST_INLINE Vec<T> vlog1p(Vec<T> x) {
    const Vec<T> half = broadcast(T(0.5)), one = broadcast(T(1));
    const auto large = x > broadcast(T(0.41421357));
    return log_reduced<T>(select<T>(large, one, Vec<T>{}), select<T>(large, fma(half, x, -half), x));
}

// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).
template <class T> STEEPEST_INLINE Vec<T> vsoftplus(Vec<T> x) {
    const Vec<T> e = exp_in_range<T>(maximum(broadcast(Format<T>::exp_is_zero), minus_abs<T>(x)));
    return maximum(Vec<T>{}, x) + vlog1p<T>(e);
}

// q in sin(2 pi s) = s (high + q(s^2)), |s| <= 1/4, where high is 2 pi rounded. Fitted in the same
// way: 1.7e-8, 3.7e-18.
STEEPEST_INLINE Vec<float> sine_polynomial(Vec<float> z) {
    return polynomial<float>(z, 39.684753f, -76.575714f, 81.602455f, -41.341682f, -2.0823425e-07f);
}

STEEPEST_INLINE Vec<double> sine_polynomial(Vec<double> z) {
    return polynomial<double>(z, 0.10070157687382705, -0.7176866571536588, 3.8199234596596416,
                              -15.094641438526455, 42.058693918701444, -76.70585975272252, 81.60524927607287,
                              -41.341702240399755, 2.433132316875526e-16);
}

// sin(2 pi s), |s| <= 1/4.
template <class T> STEEPEST_INLINE Vec<T> sine_of_quarter(Vec<T> s) {
    return fma(s, broadcast(T(0x1.921fb54442d18p+2)), s * sine_polynomial(s * s));
}

// |t| less the nearest integer, exactly: beyond the mantissa all are integers. NaN for infinities.
template <class T> STEEPEST_INLINE Vec<T> part_of_turn(Vec<T> t) {
    const Vec<T> size = absolute<T>(t), shift = broadcast(Format<T>::two_to_mantissa_bits);
    return size - select<T>(size < shift, size + shift - shift, size);
}

// cos(2 pi t), of turns in place of radians, which no argument is too large for.
template <class T> STEEPEST_INLINE Vec<T> vcos_turns(Vec<T> t) {
    return sine_of_quarter<T>(broadcast(T(0.25)) - absolute<T>(part_of_turn<T>(t)));
}

// sin(2 pi t), likewise; the sign of t, that of -0.0 too, is the result's.
template <class T> STEEPEST_INLINE Vec<T> vsin_turns(Vec<T> t) {
    const Vec<T> part = part_of_turn<T>(t), size = absolute<T>(part);
    const Bits<T> sign = ((Bits<T>)t ^ (Bits<T>)part) & (Bits<T>)broadcast(T(-0.0));
    return (Vec<T>)((Bits<T>)sine_of_quarter<T>(minimum(broadcast(T(0.5)) - size, size)) ^ sign);
}

} // namespace
} // namespace steepest
