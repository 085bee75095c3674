// Compute: the L2 penalty of a sparse first stage, put off.
//
// With plain descent an L2 penalty scales all of a weight in each step. Here the weight is a scale times what
// its array holds, and only rows of features that the batch has are touched, so that a step costs what the
// batch has entries. The result is that of the dense products within rounding; without a penalty, to the bit
// where these sum in the order of the features, as they do for layers that do not have few outputs.
#pragma once

#include "kernels/arguments.hpp"
#include "network/partition.hpp"

namespace steepest {

class LazyScale {
  public:
    // Whether a weight is kept so, and by how much its array is to be multiplied. Every thread.
    [[nodiscard]] bool active() const { return active_; }
    [[nodiscard]] double value() const { return scale_; }
    // Whether the terms of the penalty are known, up to value()^2: an update renews those that it changes.
    [[nodiscard]] bool terms_known() const { return terms_known_; }

    // Starts with an array that is the weight itself. The leader alone, between barriers.
    void reset(bool active) { active_ = active, terms_known_ = false, scale_ = next_scale_ = 1; }

    // The update of a step that moves the scale in place of the penalty's slope. The leader alone, before it.
    template <class T> [[nodiscard]] Update<T> prepare(Update<T> update, double rate, double l2);

    // From now on updates renew the terms. One thread, while all others wait.
    void renew_terms() { terms_known_ = true; }

    // Makes that the scale. The leader alone, when all threads have updated the weight.
    void commit() { scale_ = next_scale_; }

    // Whether the scale is so small that it should be written. Every thread.
    [[nodiscard]] bool needs_flush() const;

    // Multiplies this thread's rows of a weight by the scale, which is to be reset when all have. Every
    // thread.
    template <class T> void flush(const Team& team, MatrixView<T> weight, Index rows, Index columns) const;

  private:
    bool active_ = false, terms_known_ = false;
    double scale_ = 1, next_scale_ = 1;
};

} // namespace steepest
