// The vector type of the instruction set that this file is compiled for, and the few operations that
// GCC's vector extensions do not spell alike everywhere. STEEPEST_ISA_* is told by the build, never guessed.
//
// Everything lives in an anonymous namespace and includes no standard library: an inline function compiled
// for AVX-512 must never be the copy that the linker keeps for a baseline caller.
#pragma once

#include <cstddef>
#include <cstdint>
#if defined(STEEPEST_ISA_AVX2) || defined(STEEPEST_ISA_AVX512) || defined(STEEPEST_ISA_SSE2)
#include <immintrin.h>
#elif defined(STEEPEST_ISA_NEON)
#include <arm_neon.h>
#endif

#define STEEPEST_INLINE inline __attribute__((always_inline))

namespace steepest {
namespace {

#if defined(STEEPEST_ISA_AVX512)
constexpr int vector_bytes = 64;
#elif defined(STEEPEST_ISA_AVX2)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

template <class T> struct Simd;

template <> struct Simd<float> {
    typedef float V __attribute__((vector_size(vector_bytes)));
    typedef std::int32_t I __attribute__((vector_size(vector_bytes)));
};

template <> struct Simd<double> {
    typedef double V __attribute__((vector_size(vector_bytes)));
    typedef std::int64_t I __attribute__((vector_size(vector_bytes)));
};

template <class T> using Vec = typename Simd<T>::V;    // floating-point lanes
template <class T> using IntVec = typename Simd<T>::I; // integer lanes of the same width; masks too

template <class T> constexpr int lanes = vector_bytes / int(sizeof(T));

template <class T> STEEPEST_INLINE Vec<T> broadcast(T x) { return x - Vec<T>{}; } // folds to one instruction

template <class T> STEEPEST_INLINE Vec<T> load(const T* p) {
    Vec<T> v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

template <class T> STEEPEST_INLINE void store(T* p, Vec<T> v) { __builtin_memcpy(p, &v, sizeof v); }

// Loaded once: GCC would read a vector from memory again for each of two uses, where loads are scarce.
template <class V> STEEPEST_INLINE V in_register(V v) {
#if defined(STEEPEST_ISA_NEON)
    __asm__("" : "+w"(v));
#elif defined(STEEPEST_ISA_AVX512)
    __asm__("" : "+v"(v));
#else
    __asm__("" : "+x"(v));
#endif
    return v;
}

// a * b + c, rounded once where the instruction set can (all but SSE2).
STEEPEST_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
#if defined(STEEPEST_ISA_AVX512)
    return (Vec<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(STEEPEST_ISA_AVX2)
    return (Vec<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(STEEPEST_ISA_NEON)
    return (Vec<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

STEEPEST_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
#if defined(STEEPEST_ISA_AVX512)
    return (Vec<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(STEEPEST_ISA_AVX2)
    return (Vec<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(STEEPEST_ISA_NEON)
    return (Vec<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
    return a * b + c;
#endif
}

// The same of one number.
template <class T> STEEPEST_INLINE T fma_of_one(T a, T b, T c) {
#if defined(STEEPEST_ISA_AVX512) || defined(STEEPEST_ISA_AVX2) || defined(STEEPEST_ISA_NEON)
    return sizeof(T) == 4 ? T(__builtin_fmaf(float(a), float(b), float(c))) : T(__builtin_fma(a, b, c));
#else
    return a * b + c;
#endif
}

// Correctly rounded.
STEEPEST_INLINE Vec<float> square_root(Vec<float> v) {
#if defined(STEEPEST_ISA_AVX512)
    return (Vec<float>)_mm512_maskz_sqrt_ps(__mmask16(-1), (__m512)v);
#elif defined(STEEPEST_ISA_AVX2)
    return (Vec<float>)_mm256_sqrt_ps((__m256)v);
#elif defined(STEEPEST_ISA_NEON)
    return (Vec<float>)vsqrtq_f32((float32x4_t)v);
#else
    return (Vec<float>)_mm_sqrt_ps((__m128)v);
#endif
}

STEEPEST_INLINE Vec<double> square_root(Vec<double> v) {
#if defined(STEEPEST_ISA_AVX512)
    return (Vec<double>)_mm512_maskz_sqrt_pd(__mmask8(-1), (__m512d)v);
#elif defined(STEEPEST_ISA_AVX2)
    return (Vec<double>)_mm256_sqrt_pd((__m256d)v);
#elif defined(STEEPEST_ISA_NEON)
    return (Vec<double>)vsqrtq_f64((float64x2_t)v);
#else
    return (Vec<double>)_mm_sqrt_pd((__m128d)v);
#endif
}

// Lane by lane: condition ? a : b, where a true lane of the condition is all ones.
template <class T> STEEPEST_INLINE Vec<T> select(IntVec<T> condition, Vec<T> a, Vec<T> b) {
    return condition ? a : b;
}

// a > b ? a : b, and a < b ? a : b: a NaN in b passes. Intrinsics, because GCC folds the expressions to one
// instruction only if neither side is a constant; the masked form of AVX-512 spares GCC 12's false
// "uninitialized".
STEEPEST_INLINE Vec<float> maximum(Vec<float> a, Vec<float> b) {
#if defined(STEEPEST_ISA_AVX512)
    return (Vec<float>)_mm512_maskz_max_ps(__mmask16(-1), (__m512)a, (__m512)b);
#elif defined(STEEPEST_ISA_AVX2)
    return (Vec<float>)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return a > b ? a : b;
#endif
}

STEEPEST_INLINE Vec<double> maximum(Vec<double> a, Vec<double> b) {
#if defined(STEEPEST_ISA_AVX512)
    return (Vec<double>)_mm512_maskz_max_pd(__mmask8(-1), (__m512d)a, (__m512d)b);
#elif defined(STEEPEST_ISA_AVX2)
    return (Vec<double>)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
    return a > b ? a : b;
#endif
}

STEEPEST_INLINE Vec<float> minimum(Vec<float> a, Vec<float> b) {
#if defined(STEEPEST_ISA_AVX512)
    return (Vec<float>)_mm512_maskz_min_ps(__mmask16(-1), (__m512)a, (__m512)b);
#elif defined(STEEPEST_ISA_AVX2)
    return (Vec<float>)_mm256_min_ps((__m256)a, (__m256)b);
#else
    return a < b ? a : b;
#endif
}

STEEPEST_INLINE Vec<double> minimum(Vec<double> a, Vec<double> b) {
#if defined(STEEPEST_ISA_AVX512)
    return (Vec<double>)_mm512_maskz_min_pd(__mmask8(-1), (__m512d)a, (__m512d)b);
#elif defined(STEEPEST_ISA_AVX2)
    return (Vec<double>)_mm256_min_pd((__m256d)a, (__m256d)b);
#else
    return a < b ? a : b;
#endif
}

// The first `count` lanes, 0 < count <= lanes: what a load or store of the end of a row may touch.
template <class T> struct Tail {
#if defined(STEEPEST_ISA_AVX512)
    std::uint32_t mask;
    STEEPEST_INLINE explicit Tail(std::ptrdiff_t count) : mask((1u << count) - 1u) {}
#elif defined(STEEPEST_ISA_AVX2)
    IntVec<T> mask;
    STEEPEST_INLINE explicit Tail(std::ptrdiff_t count) {
        for (int i = 0; i < lanes<T>; ++i) mask[i] = i < count ? -1 : 0;
    }
#else
    std::ptrdiff_t count;
    STEEPEST_INLINE explicit Tail(std::ptrdiff_t n) : count(n) {}
#endif
};

// Lanes outside the tail are read as 0 and their memory is not touched.
STEEPEST_INLINE Vec<float> load(const float* p, const Tail<float>& tail) {
#if defined(STEEPEST_ISA_AVX512)
    return (Vec<float>)_mm512_maskz_loadu_ps(__mmask16(tail.mask), p);
#elif defined(STEEPEST_ISA_AVX2)
    return (Vec<float>)_mm256_maskload_ps(p, (__m256i)tail.mask);
#else
    Vec<float> v = {};
    for (std::ptrdiff_t i = 0; i < tail.count; ++i) v[i] = p[i];
    return v;
#endif
}

STEEPEST_INLINE Vec<double> load(const double* p, const Tail<double>& tail) {
#if defined(STEEPEST_ISA_AVX512)
    return (Vec<double>)_mm512_maskz_loadu_pd(__mmask8(tail.mask), p);
#elif defined(STEEPEST_ISA_AVX2)
    return (Vec<double>)_mm256_maskload_pd(p, (__m256i)tail.mask);
#else
    Vec<double> v = {};
    for (std::ptrdiff_t i = 0; i < tail.count; ++i) v[i] = p[i];
    return v;
#endif
}

STEEPEST_INLINE void store(float* p, Vec<float> v, const Tail<float>& tail) {
#if defined(STEEPEST_ISA_AVX512)
    _mm512_mask_storeu_ps(p, __mmask16(tail.mask), (__m512)v);
#elif defined(STEEPEST_ISA_AVX2)
    _mm256_maskstore_ps(p, (__m256i)tail.mask, (__m256)v);
#else
    for (std::ptrdiff_t i = 0; i < tail.count; ++i) p[i] = v[i];
#endif
}

STEEPEST_INLINE void store(double* p, Vec<double> v, const Tail<double>& tail) {
#if defined(STEEPEST_ISA_AVX512)
    _mm512_mask_storeu_pd(p, __mmask8(tail.mask), (__m512d)v);
#elif defined(STEEPEST_ISA_AVX2)
    _mm256_maskstore_pd(p, (__m256i)tail.mask, (__m256d)v);
#else
    for (std::ptrdiff_t i = 0; i < tail.count; ++i) p[i] = v[i];
#endif
}

// v in the tail's lanes, fill in the others.
template <class T> STEEPEST_INLINE Vec<T> within(const Tail<T>& tail, Vec<T> v, Vec<T> fill) {
#if defined(STEEPEST_ISA_AVX512)
    if constexpr (sizeof(T) == 4)
        return (Vec<T>)_mm512_mask_mov_ps((__m512)fill, __mmask16(tail.mask), (__m512)v);
    else
        return (Vec<T>)_mm512_mask_mov_pd((__m512d)fill, __mmask8(tail.mask), (__m512d)v);
#elif defined(STEEPEST_ISA_AVX2)
    return select<T>(tail.mask, v, fill);
#else
    for (int i = 0; i < lanes<T>; ++i)
        if (i >= tail.count) v[i] = fill[i];
    return v;
#endif
}

} // namespace
} // namespace steepest
