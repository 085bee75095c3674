// Plan: the description of one stage, which the caller makes and nobody changes. Every thread may read it.
#pragma once

#include "kernels/arguments.hpp"

namespace steepest {

struct StageKind;

// y = activation(f(x)), rows in and rows out, where the kind is f: each file of stages/ says which.
struct Stage {
    Index inputs = 0, outputs = 0;
    Activation activation = Activation::identity; // only of kinds that have one
    const StageKind* kind = nullptr;              // as stage_kind() finds it
    double slope = 0;                             // of the activation
    std::uint32_t number = 0;                     // of the layer, which keys its draws
    double rate = 0;                              // the probability that something is dropped
    double momentum = 0, epsilon = 0;             // of a normalization
    Index partner = 0; // of a residual_split or residual_add: the other's place among the stages
    Index rows = 0;    // of a weight that has a number for each input in each row, or for each of `columns`
    Index height = 0, width = 0, channels = 0, pooled_height = 0, pooled_width = 0; // of images
    // Of a product with ramps: how many of each column, whose weight rows are the last of all. Owned by the
    // caller.
    const Index* ramps = nullptr;
    Index ramp_columns = 0;
    // Of such a weight: which inputs, ascending; all if there are none. Owned by the caller.
    const Index* columns = nullptr;
    Index column_count = 0;
    // Instead of draws: which elements are kept, a row of `outputs` for each sample of a batch or one for
    // all. Owned by the caller.
    const bool* mask = nullptr;
    Index mask_rows = 0;

    // Whether it is x @ weight + bias: only such weights have penalties, decay and a maximal norm.
    [[nodiscard]] bool is_dense() const;
    [[nodiscard]] bool has_parameters() const;
    // Rows of its weight: the inputs of a dense stage, one of most others that have parameters.
    [[nodiscard]] Index weight_rows() const { return is_dense() ? inputs : rows > 0 ? rows : 1; }
    [[nodiscard]] Index weight_columns() const {
        return rows == 0 ? outputs : column_count > 0 ? column_count : inputs;
    }
    // Rows of its weight that no ramp has.
    [[nodiscard]] Index rows_before_ramps() const {
        Index plain = inputs;
        for (Index c = 0; c < ramp_columns; ++c) plain -= ramps[c];
        return plain;
    }
    // Columns of the rows that it reads as a first stage: see stages/ramps.cpp.
    [[nodiscard]] Index read_columns() const { return rows_before_ramps() + 2 * ramp_columns; }
};

} // namespace steepest
