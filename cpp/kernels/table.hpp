// THE SEAM between the core and its kernels: one table of function pointers per instruction set.
//
// All matrices are row-major with unit stride along a row and any stride between rows. Nothing need be
// aligned. Outputs are written in full and never read first, unless said otherwise; nothing outside the
// stated rows and columns is read or written. Outputs never overlap inputs unless said otherwise.
#pragma once

#include "base/types.hpp"

namespace steepest {

// y = activation(x @ weight + bias): x (rows, inputs), weight (inputs, outputs), y (rows, outputs).
template <class T> struct Forward {
    MatrixView<const T> x;
    MatrixView<const T> weight;
    const T* bias; // (outputs,) or null
    MatrixView<T> y;
    Index rows, inputs, outputs;
    Activation activation;
    T slope; // of the activation
};

// dx = (dy @ weight^T) * activation'(y): dy (rows, outputs), y and dx (rows, inputs).
// y is the output of the activation that made this layer's input, for gelu its input; not read for identity.
template <class T> struct InputGradient {
    MatrixView<const T> dy;
    MatrixView<const T> weight;
    MatrixView<const T> y;
    MatrixView<T> dx;
    Index rows, inputs, outputs;
    Activation activation;
    bool transposed; // weight is given as its transpose, (outputs, inputs)
    T slope;         // of the activation
};

// g = x^T @ dy, regularized, for the weight rows [first, last): x (samples, inputs), dy (samples, outputs).
// gradient.data set: g + penalty is stored there and weight is only read (not at all without a penalty).
// gradient.data null: weight, and its state, are updated in place; g stays in registers, or near them.
template <class T> struct WeightGradient {
    MatrixView<const T> x;
    MatrixView<const T> dy;
    MatrixView<T> weight;
    WeightSlots<T> slots;
    MatrixView<T> gradient;
    Index samples, outputs, first, last;
    Update<T> update;
    bool narrow; // outputs is the layer's whole width, and below narrow_outputs: it changes no bit
};

// Loss and gradient by the scores, row by row. gradient may be scores.
// value[i] = w_i * loss_i; gradient_i = (w_i * scale) * dloss_i/dscores_i, with w_i = weight[i] or 1.
// A row of weight 0 has value 0 and gradient 0 whatever its scores.
template <class T> struct LossRows {
    LossKind kind;
    T parameter; // softmax: the label smoothing; hinge: the margin; Huber: delta; squared error: a factor
    MatrixView<const T> scores;
    const std::int64_t* labels;  // softmax and hinge: (rows,), each in 0..classes-1
    MatrixView<const T> targets; // the other losses: (rows, classes)
    const T* weight;             // (rows,) or null
    double scale;                // in double: with tiny weights it is beyond a float's range
    MatrixView<T> gradient;
    double* value;
    Index rows, classes;
};

// Of y = (x - mean) * inverse_deviation * scale + shift with mean and deviation of the batch: (columns,)
// each. The gradients of scale and shift are those of the whole batch.
template <class T> struct StandardiseGradient {
    const T *mean, *inverse_deviation, *scale, *scale_gradient, *shift_gradient;
    Index samples;
};

template <class T> struct Kernels {
    Index lanes;   // of a vector
    Index scratch; // elements of scratch memory that the three products may use
    void (*forward)(const Forward<T>&, T* scratch);
    // The same for narrow layers, whose sums run in another order: a layer must go this way always, whoever
    // computes a part of it. `weight` is given as its transpose, (outputs, inputs), but to forward_shallow,
    // for layers of at most narrow_outputs inputs, as it is; the bits are the same.
    void (*forward_transposed)(const Forward<T>&, T* scratch);
    void (*forward_shallow)(const Forward<T>&, T* scratch);
    void (*transpose)(MatrixView<const T> weight, Index rows, Index columns, MatrixView<T> to);
    void (*input_gradient)(const InputGradient<T>&, T* scratch);
    void (*weight_gradient)(const WeightGradient<T>&, T* scratch);
    // sum[j] = sum over e < count of factors[e] * rows[which[e], j] in the order of e, for n columns.
    void (*sparse_row_product)(const T* factors, const std::int32_t* which, Index count,
                               MatrixView<const T> rows, T* sum, Index n);
    // sums[j] = sum over samples of dy[i, j] in the order of i, for the columns [first, last).
    void (*column_sums)(MatrixView<const T> dy, Index samples, Index first, Index last, T* sums);
    // The update of `Update` on n contiguous elements; the gradient is regularized here.
    void (*update)(const Update<T>&, const T* gradient, T* weight, const RowSlots<T>&, Index n);
    // mean += share * (x - mean) on n contiguous elements. A share of 1 makes them x, and reads no mean.
    void (*average)(T share, const T* x, T* mean, Index n);
    void (*loss)(const LossRows<T>&);
    // y = softmax of each row; y may be x.
    void (*softmax)(MatrixView<const T> x, MatrixView<T> y, Index rows, Index columns);
    // y = f(x) on n contiguous elements; y may be x.
    void (*function)(Function, const T* x, T* y, Index n);
    void (*activate)(Activation, T slope, const T* x, T* y, Index n);
    // dx = dy * activation' on n contiguous elements, from the activation's output y, or for gelu from its
    // input in place of y; dx may be y or dy.
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
    void (*standardise_gradient)(const T* x, const T* dy, const StandardiseGradient<T>&, T* dx, Index n);
    // Register-only fused multiply-adds, for measuring the machine: returns how many were done.
    double (*multiply_add_loop)(Index iterations);
    // Reads n contiguous elements and keeps nothing, likewise: returns how many, all but the last few.
    double (*read_loop)(const T* x, Index n);
};

struct KernelTable {
    const char* name;
    Kernels<float> f32;
    Kernels<double> f64;
};

} // namespace steepest

extern "C" {
const steepest::KernelTable* steepest_kernels_sse2();
const steepest::KernelTable* steepest_kernels_avx2();
const steepest::KernelTable* steepest_kernels_avx512();
const steepest::KernelTable* steepest_kernels_neon();
}
