// Plan: what kernels are called with. Plain data and no functions, as in base/types.hpp.
#pragma once

#include "base/types.hpp"

namespace steepest {

// Layers of fewer outputs have few: vectors along a row of them would be partly empty.
template <class T> constexpr Index few_outputs = 64 / sizeof(T);

// Of the weight of a layer with few outputs, as much as meets some rows at a time: it stays in a first-level
// cache of 32 KiB.
constexpr Index dot_bytes = 12 << 10;

// Places in the lists of activations.hpp, losses/losses.hpp and optimizers.hpp, which dispatch.hpp finds by
// their names. `custom` is a loss that the program computes, and no kernel.
enum class Activation : int { identity };
enum class LossKind : int { custom = -1 };
enum class Rule : int {};

enum class Function : int { exp, log };

// y = activation(x @ weight + bias): x (rows, inputs), weight (inputs, outputs), y (rows, outputs).
template <class T> struct Forward {
    MatrixView<const T> x;
    MatrixView<const T> weight;
    const T* bias; // (outputs,) or null
    MatrixView<T> y;
    Index rows, inputs, outputs;
    Activation activation;
    T slope; // of the activation, which has this one number or none
};

// dx = (dy @ weight^T) * activation'(y): dy (rows, outputs), y and dx (rows, inputs).
// y is the output of the activation that made this layer's input, or the activation's input if it reads that;
// not read for identity.
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

// Piecewise linear curves, one for each of some columns: of ramps[c] pieces between ramps[c] + 1 rows of
// `points`, which come curve by curve. Sample i is on piece place[i, c], or the nearest that there is, a
// fraction fraction[i, c] of it behind its first point.
template <class T> struct Curves {
    MatrixView<const T> fraction, place;
    const Index* ramps;
    Index columns, rows;
    MatrixView<T> points;
    Index outputs;
};

// A slot is what an optimizer keeps of each parameter, in an array like the parameter. No rule has more
// slots, or numbers.
constexpr int most_slots = 4, most_numbers = 8;

// The slots of a weight, and of contiguous elements: as many as the update uses; the others are not looked
// at.
template <class T> struct WeightSlots {
    MatrixView<T> slot[most_slots] = {};
};
template <class T> struct RowSlots {
    T* slot[most_slots] = {};
};

// One update of a weight w by its gradient, the numbers those of this step:
//
//   g = dL/dw + l2_slope * w + l1 * sign(w), clamped to [-clip, clip], times scale
//   w = the rule of optimizers.hpp, of g, keep * w and the slots
//   w = sign(w) * max(|w| - threshold, 0)
//
// `plain` says that the rule descends (OptimizerTraits), and that keep, clip, scale and threshold change
// nothing and are not looked at.
template <class T> struct Update {
    Rule rule{};
    int slots = 0; // that the rule uses
    T learning_rate = 0;
    T numbers[most_numbers] = {}; // of the rule, as its prepare() makes them
    T l2_slope = 0;               // 2 * strength of sum(w^2)
    T l1 = 0;                     // strength of sum|w|
    T keep = 1;                   // 1 - what decay takes of a weight
    T clip = __builtin_huge_val(), scale = 1, threshold = 0;
    bool plain = true;
    bool* overflow = nullptr; // set where a new w or slot is not finite; null: nobody looks
};

// g = x^T @ dy, regularized, for the weight rows [first, last): x (samples, inputs), dy (samples, outputs).
// gradient.data set: g + penalty is stored there and weight is only read (not at all without a penalty).
// gradient.data null: weight, and its slots, are updated in place; g stays in registers, or near them.
template <class T> struct WeightGradient {
    MatrixView<const T> x;
    MatrixView<const T> dy;
    MatrixView<T> weight;
    WeightSlots<T> slots;
    MatrixView<T> gradient;
    Index samples, outputs, first, last;
    Update<T> update;
    bool few_outputs; // outputs is the layer's whole width, and below few_outputs: it changes no bit
};

// Loss and gradient by the scores, row by row. gradient may be scores.
// value[i] = w_i * loss_i; gradient_i = (w_i * scale) * dloss_i/dscores_i, with w_i = weight[i] or 1.
// A row of weight 0 has value 0 and gradient 0 whatever its scores.
template <class T> struct LossRows {
    LossKind kind;
    T number; // the loss's one number, if it has one
    MatrixView<const T> scores;
    const std::int64_t* labels;  // of losses that take labels: (rows,), each in 0..classes-1
    MatrixView<const T> targets; // of the others: (rows, classes)
    const T* weight;             // (rows,) or null
    double scale;                // in double: with tiny weights it is beyond a float's range
    MatrixView<T> gradient;
    double* value;
    Index rows, classes;
};

// A step of dual coordinate ascent on one row, which has the gradient u, or, where that is 0, an implicit
// step of gradient descent: see dual_step.hpp.
template <class T> struct DualStep {
    LossKind kind; // one that has a dual step
    T number;      // the loss's one number
    const T* scores;
    Index label;     // of losses that take labels
    const T* target; // of the others
    T pull;          // how far the scores move against a change of u
    T* gradient;     // u, which becomes u'
    T* change;       // u' - u; null: there is no step
    T* scratch;
    Index n; // elements of each of these
};

// Of a row, before the step: its loss l(s), and l(s) + l*(u) - s u, which is at least 0: how far u is from a
// gradient at s.
template <class T> struct DualGap {
    T loss, gap;
};

// Which draws a dropout takes: element (row, column) of a batch, for a seed, a step and a stream of its own.
struct DropoutKey {
    std::uint64_t seed;
    std::uint32_t step, stream;
    std::uint32_t threshold; // draws below it are dropped
    double scale;            // what the others are multiplied by
};

// Of y = (x - mean) * inverse_deviation * scale + shift with mean and deviation of the batch: (columns,)
// each. The gradients of scale and shift are those of the whole batch.
template <class T> struct StandardizeGradient {
    const T *mean, *inverse_deviation, *scale, *scale_gradient, *shift_gradient;
    Index samples;
};

} // namespace steepest
