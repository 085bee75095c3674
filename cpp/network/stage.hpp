// Plan: what a model is compiled to, and which random draws its stages take. Plain data.
#pragma once

#include "base/random.hpp"

namespace steepest {

enum class StageKind : int {
    dense,
    elementwise,
    dropout,
    batch_norm,
    maxout,
    pool,
    residual_split,
    residual_add
};

// y = activation(f(x)), rows in and rows out. f by kind:
//   dense        x @ weight + bias
//   elementwise  x
//   dropout      x * factor: 0 with the probability `rate`, else 1 / (1 - rate); x in inference
//   batch_norm   (x - mean) / sqrt(variance + epsilon) * weight + bias, column by column, with the batch's
//                mean and variance in training, and the running ones in inference
//   maxout   the largest of columns j, j + outputs, j + 2 outputs, ...
//   pool         the largest in each of the regions of an image; see pooling.hpp
//   fork         x, which the join of number `partner` adds to what the stages between make of it
//   join         fork + x: without x with the probability `rate`; fork + (1 - rate) * x in inference
// Only dense, elementwise and batch_norm have an activation.
struct Stage {
    Index inputs, outputs;
    Activation activation;
    StageKind kind = StageKind::dense;
    double slope = 0;         // of the activation
    std::uint32_t number = 0; // of the layer, which keys its draws
    double rate = 0;
    double momentum = 0, epsilon = 0; // of a batch_norm
    Index partner = 0;                // of a fork or join: the other's place among the stages
    Index height = 0, width = 0, channels = 0, pooled_height = 0, pooled_width = 0;
    // Of a dropout, instead of draws: which elements are kept, a row of `outputs` for each sample of a batch
    // or one for all. Owned by the caller.
    const bool* mask = nullptr;
    Index mask_rows = 0;

    bool dense() const { return kind == StageKind::dense; }
    bool learns() const { return dense() || kind == StageKind::batch_norm; }
    Index weight_rows() const { return dense() ? inputs : 1; }
};

// Whether an activation's derivative comes from its input, not its output: then no sum is kept for it, and it
// can only be that of an elementwise stage.
constexpr bool reads_input(Activation activation) { return activation == Activation::gelu; }

// The draws of one training step; none, and all else as in inference, for null.
struct StepKey {
    std::uint64_t seed, step;

    PhiloxCounter words(std::uint32_t stream, const Stage& stage) const {
        return philox({0, std::uint32_t(step >> 32), std::uint32_t(step), stream + stage.number},
                      {std::uint32_t(seed), std::uint32_t(seed >> 32)});
    }
};

// Other uses of the generator take other streams (random.hpp), and a layer its number beyond its stream's.
constexpr std::uint32_t dropout_stream = 0x64000000, join_stream = 0x6a000000, pool_stream = 0x70000000;

// StepKey of 32 bits below it come with the probability `rate`, in [0, 1].
inline std::uint64_t threshold_of(double rate) { return std::uint64_t(rate * 4294967296.0); }

// Whether the block that ends at this join takes part in a step.
inline bool joined(const Stage& join, const StepKey& draws) {
    return draws.words(join_stream, join)[0] >= threshold_of(join.rate);
}

} // namespace steepest
