// THE SEAM between the core and its kernels: one table of function pointers per instruction set.
//
// All matrices are row-major with unit stride along a row and any stride between rows. Nothing need be
// aligned. Outputs are written in full and never read first, unless said otherwise; nothing outside the
// stated rows and columns is read or written. Outputs never overlap inputs unless said otherwise.
#pragma once

#include "kernels/traits.hpp"

namespace steepest {

// A row that is normalized by its own moments: what comes of it is written on the way forward, and read back.
template <class T> struct LayerNormRow {
    const T *weight, *bias;
    double epsilon;
    T *normal, *inverse_deviation; // the normalized row, and one number
};

// Cosines of each of some features, mixed to some outputs: the rows of the weight, of a number for each
// feature, are frequencies, as many phases, in turns, for each output as many factors, and the outputs'
// shifts.
template <class T> struct Periodic {
    MatrixView<const T> weight;
    Index features, frequencies, outputs;
};

template <class T> struct Kernels {
    Index lanes;   // of a vector
    Index scratch; // elements of scratch memory that the three products may use
    void (*forward)(const Forward<T>&, T* scratch);
    // The same for layers with few outputs, whose sums run in another order: a layer must go this way always,
    // whoever computes a part of it. `weight` is given as its transpose, (outputs, inputs), but to
    // forward_few_inputs, for layers of at most few_outputs inputs, as it is; the bits are the same.
    void (*forward_transposed)(const Forward<T>&, T* scratch);
    void (*forward_few_inputs)(const Forward<T>&, T* scratch);
    void (*transpose)(MatrixView<const T> weight, Index rows, Index columns, MatrixView<T> to);
    void (*input_gradient)(const InputGradient<T>&, T* scratch);
    void (*weight_gradient)(const WeightGradient<T>&, T* scratch);
    // sum[j] = sum over e < count of factors[e] * rows[which[e], j] in the order of e, for n columns.
    void (*sparse_row_product)(const T* factors, const std::int32_t* which, Index count,
                               MatrixView<const T> rows, T* sum, Index n);
    // y += the sum over columns, in their order, of what the curves are at each sample, (rows, outputs).
    void (*add_curves)(const Curves<T>&, MatrixView<T> y);
    // points = the gradients of the points, of curves that made y, from dy (rows, outputs).
    void (*curve_gradients)(const Curves<T>&, MatrixView<const T> dy);
    // rows[which[e], j] += factors[e] * x[j] for e < count and n columns.
    void (*add_to_rows)(const T* factors, const std::int32_t* which, Index count, const T* x,
                        MatrixView<T> rows, Index n);
    // sums[j] = sum over samples of dy[i, j] in the order of i, for the columns [first, last).
    void (*column_sums)(MatrixView<const T> dy, Index samples, Index first, Index last, T* sums);
    // The update of `Update` on n contiguous elements; the gradient is regularized here.
    void (*update)(const Update<T>&, const T* gradient, T* weight, const RowSlots<T>&, Index n);
    // mean += share * (x - mean) on n contiguous elements. A share of 1 makes them x, and reads no mean.
    void (*average)(T share, const T* x, T* mean, Index n);
    void (*loss)(const LossRows<T>&);
    DualGap<T> (*dual_step)(const DualStep<T>&);
    // y = softmax of each row; y may be x.
    void (*softmax)(MatrixView<const T> x, MatrixView<T> y, Index rows, Index columns);
    // y = f(x) on n contiguous elements; y may be x.
    void (*function)(Function, const T* x, T* y, Index n);
    void (*activate)(Activation, T slope, const T* x, T* y, Index n);
    // dx = dy * activation' on n contiguous elements, from the activation's output y, or from its input in
    // place of y if it reads that; dx may be y or dy.
    void (*activation_gradient)(Activation, T slope, const T* y, const T* dy, T* dx, Index n);
    // sum of l2 * w^2 + l1 * |w| over a block, in double, in one order for all instruction sets.
    double (*penalty)(MatrixView<const T> weight, Index rows, Index columns, double l2, double l1);
    // sum of g^2 over a block, g first clamped to [-clip, clip]; likewise.
    double (*squares)(MatrixView<const T> gradient, Index rows, Index columns, T clip);
    // Scales every column of the block whose 2-norm, in double over its rows in order, is beyond the limit
    // back to it.
    void (*constrain)(MatrixView<T> weight, Index rows, Index columns, double limit);
    bool (*all_finite)(const T* x, Index n);
    // factors[j - first] = 0 or key.scale, for the columns [first, last) of a row of a batch.
    void (*dropout_factors)(const DropoutKey& key, Index row, Index first, Index last, T* factors);
    // y = x * factor, and y = a + scale * b, on n contiguous elements; y may be any input.
    void (*multiply)(const T* x, const T* factor, T* y, Index n);
    void (*add_scaled)(const T* a, const T* b, T scale, T* y, Index n);
    // y[j] = the largest of x[j + p * distance], p < pieces, or NaN if one is; and the gradient of the given
    // piece: dy[j] where it is the first that equals y[j], otherwise 0. x is at piece 0.
    void (*maxout)(const T* x, Index pieces, Index distance, T* y, Index n);
    void (*maxout_gradient)(const T* x, Index piece, Index distance, const T* y, const T* dy, T* dx, Index n);
    // Mean and biased variance of the columns [first, last), at mean[j] and variance[j].
    void (*moments)(MatrixView<const T> x, Index samples, Index first, Index last, T* mean, T* variance);
    // y = (x - mean) * scale + shift on n contiguous elements; y may be x.
    void (*standardize)(const T* x, const T* mean, const T* scale, const T* shift, T* y, Index n);
    // The sums over the samples of dy * (x - mean) * inverse_deviation and of dy, for the columns [first,
    // last).
    void (*moment_gradients)(MatrixView<const T> x, MatrixView<const T> dy, Index samples, Index first,
                             Index last, const T* mean, const T* inverse_deviation, T* scale_gradient,
                             T* shift_gradient);
    // dx of the struct's formula on n contiguous elements; dx may be dy.
    void (*standardize_gradient)(const T* x, const T* dy, const StandardizeGradient<T>&, T* dx, Index n);
    // normal = (x - mean) * inverse_deviation and y = normal * weight + bias on n contiguous elements, with
    // the moments of these, in double and in one order for all instruction sets. y and normal may be x, and
    // each other.
    void (*layer_norm)(const T* x, const LayerNormRow<T>&, T* y, Index n);
    // dx from dy and the normalized row; dx may be dy.
    void (*layer_norm_gradient)(const T* dy, const LayerNormRow<T>&, T* dx, Index n);
    // The sums over the samples of dy times the normalized rows and of dy, for the columns [first, last).
    void (*layer_norm_sums)(MatrixView<const T> normal, MatrixView<const T> dy, Index samples, Index first,
                            Index last, T* scale_gradient, T* shift_gradient);
    // Mixed cosines of a row of features: y is (outputs, features), and x may be the last of its rows. Then
    // the gradient of x alone, from dy as y.
    void (*periodic)(const Periodic<T>&, const T* x, T* y);
    void (*periodic_gradient)(const Periodic<T>&, const T* x, const T* dy, T* dx);
    // The sums over the samples that are the gradient of the weight, in the rows of one frequency alone: no
    // shift's.
    void (*periodic_sums)(const Periodic<T>&, MatrixView<const T> x, MatrixView<const T> dy, Index samples,
                          Index frequency, MatrixView<T> gradient);
    // Register-only fused multiply-adds, for measuring the machine: returns how many were done.
    double (*multiply_add_loop)(Index iterations);
    // Reads n contiguous elements and keeps nothing, likewise: returns how many, all but the last few.
    double (*read_loop)(const T* x, Index n);
};

// Their names, in that order: isa.cpp fills the table by them.
// clang-format off: it would indent each further
#define STEEPEST_KERNELS(K)                                                            \
    K(forward) K(forward_transposed) K(forward_few_inputs) K(transpose)                \
    K(input_gradient) K(weight_gradient) K(sparse_row_product) K(add_curves)           \
    K(curve_gradients) K(add_to_rows) K(column_sums) K(update) K(average) K(loss) K(dual_step) K(softmax) K(function)    \
    K(activate) K(activation_gradient) K(penalty) K(squares) K(constrain)              \
    K(all_finite) K(dropout_factors) K(multiply) K(add_scaled) K(maxout)               \
    K(maxout_gradient) K(moments) K(standardize) K(moment_gradients)                   \
    K(standardize_gradient) K(layer_norm) K(layer_norm_gradient) K(layer_norm_sums)    \
    K(periodic) K(periodic_gradient) K(periodic_sums) K(multiply_add_loop) K(read_loop)
// clang-format on

struct KernelTable {
    const char* name;
    Kernels<float> f32;
    Kernels<double> f64;
    // What there is, the same in every table.
    List<ActivationTraits> activations;
    List<LossTraits> losses;
    List<OptimizerTraits> rules;
};

} // namespace steepest

extern "C" {
const steepest::KernelTable* steepest_kernels_sse2();
const steepest::KernelTable* steepest_kernels_avx2();
const steepest::KernelTable* steepest_kernels_avx512();
const steepest::KernelTable* steepest_kernels_neon();
}
