// Compute: a batch on its way through all stages, forward and back.
#pragma once

#include "network/context.hpp"
#include "network/network.hpp"

namespace steepest {

// What one thread does of a batch's passes. Every thread of the team has its own; all call the same functions
// with the same arguments, but for `rows` and `mine`, their own rows of the batch. Passes are left where the
// context says stop.
template <class T> class Passes {
  public:
    // Of the batch x, of so many samples.
    Passes(const Network<T>& network, const Context<T>& context, MatrixView<const T> x, Index samples)
        : network_(network), context_(context), x_(x), samples_(samples) {}

    // Some rows through all stages: their scores are rows of network.scores().
    void forward(Range rows) const;
    // From the gradients of the scores back to those of every parametric stage's sums, the same rows.
    void backward(Range rows) const;

    // The same for the whole batch, each thread on a part of the outputs: forward reads the columns of a
    // weight that the same thread updates, which stay in the cache of its core (backward reads rows of all
    // parts). Stages of too few columns are done by rows, `mine`. Begins with `mine` of x, and ends with
    // `mine` of the scores, behind a barrier.
    void forward_columns(Range mine) const;
    // Ends without a barrier.
    void backward_columns(Range mine) const;

  private:
    // A block of one stage, either way.
    void forward(std::size_t s, Block y) const;
    void backward(std::size_t s, Block dx) const;
    // Times the derivative of the last stage's activation.
    void backward_scores(Range rows) const;
    // Visits this thread's blocks of a stage.
    template <class Visit>
    bool for_each_block(Division division, Index columns, Range mine, bool own_rows, Visit visit) const;

    const Network<T>& network_;
    const Context<T>& context_;
    MatrixView<const T> x_;
    Index samples_;
};

} // namespace steepest
