// Compute: panels of a matrix copied for the product's inner loop. Panel row k holds `width` elements,
// `stride` apart from the next; zeros fill its last vector.
#pragma once

#include "base/types.hpp"
#include "kernels/simd/simd.hpp"

namespace steepest {
namespace {

// Rows to ask memory for before they are copied: each may lie on a page of its own, where no processor looks
// ahead by itself.
constexpr Index ahead_rows = 8;

// panel[k][j] = b[k][j]
template <class T> void pack_rows(MatrixView<const T> b, Index depth, Index width, T* panel, Index stride) {
    const Index whole = width / lanes<T> * lanes<T>;
    for (Index k = 0; k < depth; ++k, panel += stride, b.data += b.stride) {
        for (Index j = 0; j < width; j += 64 / Index(sizeof(T)))
            __builtin_prefetch(b.data + ahead_rows * b.stride + j);
        for (Index j = 0; j < whole; j += lanes<T>) store(panel + j, load(b.data + j));
        for (Index j = whole; j < width; ++j) panel[j] = b.data[j];
        for (Index j = width; j % lanes<T> != 0; ++j) panel[j] = 0;
    }
}

// 16-byte vectors: 4 x 4 floats or 2 x 2 doubles are transposed in registers with two shuffles a vector,
// which costs 0.25 a float, as little as the 16 x 16 network of AVX-512 and the same for every instruction
// set.
typedef float Float4 __attribute__((vector_size(16)));
typedef double Double2 __attribute__((vector_size(16)));
template <class T> struct Simd16;
template <> struct Simd16<float> {
    typedef Float4 V;
};
template <> struct Simd16<double> {
    typedef Double2 V;
};
template <class T> using Vec16 = typename Simd16<T>::V;

#if defined(__clang__)
#define STEEPEST_SHUFFLE(I, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define STEEPEST_SHUFFLE(I, a, b, ...) __builtin_shuffle(a, b, I{__VA_ARGS__})
#endif

template <class V, class T> STEEPEST_INLINE V load16(const T* p) {
    V v;
    __builtin_memcpy(&v, p, 16);
    return v;
}

STEEPEST_INLINE void transpose_block(MatrixView<const float> b, float* panel, Index stride) {
    [[maybe_unused]] typedef std::int32_t I __attribute__((vector_size(16)));
    const auto r0 = load16<Float4>(b.data), r1 = load16<Float4>(b.data + b.stride);
    const auto r2 = load16<Float4>(b.data + 2 * b.stride), r3 = load16<Float4>(b.data + 3 * b.stride);
    const Float4 a0 = STEEPEST_SHUFFLE(I, r0, r1, 0, 4, 1, 5), a1 = STEEPEST_SHUFFLE(I, r0, r1, 2, 6, 3, 7);
    const Float4 c0 = STEEPEST_SHUFFLE(I, r2, r3, 0, 4, 1, 5), c1 = STEEPEST_SHUFFLE(I, r2, r3, 2, 6, 3, 7);
    const Float4 columns[4] = {
        STEEPEST_SHUFFLE(I, a0, c0, 0, 1, 4, 5), STEEPEST_SHUFFLE(I, a0, c0, 2, 3, 6, 7),
        STEEPEST_SHUFFLE(I, a1, c1, 0, 1, 4, 5), STEEPEST_SHUFFLE(I, a1, c1, 2, 3, 6, 7)};
    for (int k = 0; k < 4; ++k) __builtin_memcpy(panel + k * stride, &columns[k], 16);
}

STEEPEST_INLINE void transpose_block(MatrixView<const double> b, double* panel, Index stride) {
    [[maybe_unused]] typedef std::int64_t I __attribute__((vector_size(16)));
    const auto r0 = load16<Double2>(b.data), r1 = load16<Double2>(b.data + b.stride);
    const Double2 columns[2] = {STEEPEST_SHUFFLE(I, r0, r1, 0, 2), STEEPEST_SHUFFLE(I, r0, r1, 1, 3)};
    for (int k = 0; k < 2; ++k) __builtin_memcpy(panel + k * stride, &columns[k], 16);
}
#undef STEEPEST_SHUFFLE

// to[k][j] = b[j][k], for j < width and k < depth
template <class T> void transpose_rows(MatrixView<const T> b, Index depth, Index width, T* to, Index stride) {
    constexpr Index block = 16 / sizeof(T);
    const Index whole_depth = depth / block * block;
    Index j = 0;
    for (; j + block <= width; j += block) {
        const T* rows = b.data + j * b.stride;
        for (Index k = 0; k < whole_depth; k += block)
            transpose_block(MatrixView<const T>{rows + k, b.stride}, to + k * stride + j, stride);
        for (Index k = whole_depth; k < depth; ++k)
            for (Index i = 0; i < block; ++i) to[k * stride + j + i] = rows[i * b.stride + k];
    }
    for (; j < width; ++j)
        for (Index k = 0; k < depth; ++k) to[k * stride + j] = b.data[j * b.stride + k];
}

// panel[k][j] = b[j][k]
template <class T>
void pack_transposed(MatrixView<const T> b, Index depth, Index width, T* panel, Index stride) {
    transpose_rows(b, depth, width, panel, stride);
    for (Index j = width; j % lanes<T> != 0; ++j)
        for (Index k = 0; k < depth; ++k) panel[k * stride + j] = 0;
}

} // namespace
} // namespace steepest
