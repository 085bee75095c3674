// Compute: a batch on its way through all stages, forward and back.
#pragma once

#include "network/context.hpp"
#include "network/network.hpp"

namespace steepest {

// A batch's passes: for the leader, who says what is to be done, or for one share, its rows. They are left
// where the context says stop.
template <class T> class Passes {
  public:
    // Of the batch x, of so many samples.
    Passes(const Network<T>& network, const Context<T>& context, MatrixView<const T> x, Index samples)
        : network_(network), context_(context), x_(x), samples_(samples) {}

    // Some rows through all stages: their scores are rows of network.scores(). A share, its own rows.
    void forward(Range rows) const;
    // From the gradients of the scores back to those of every parametric stage's sums, the same rows.
    void backward(Range rows) const;

    // The same for the whole batch, each share a part of the outputs: forward reads the columns of a weight
    // that the same share updates, which stay in the cache of a core (backward reads rows of all parts).
    // Stages of too few columns are done by rows. Begins with the share's rows of x, if all else that it
    // needs is there (`ready`), and ends with its rows of the scores. The leader; the passes must live until
    // the next barrier.
    void forward_columns(Team& team, bool ready) const;
    // Begins with the share's rows of the scores' gradients, and leaves its last stage to the next barrier.
    // visit(s), if there is one, is called for each stage from the last to the first that has parameters,
    // when the team has been told to make all that the gradient of its parameters is made of: after a barrier
    // of its own, visit may compute that.
    void backward_columns(Team& team, const std::function<void(std::size_t s)>& visit = {}) const;

  private:
    // A block of one stage, either way.
    void forward(std::size_t s, const Context<T>& context, Block y) const;
    void backward(std::size_t s, const Context<T>& context, Block dx) const;
    // Times the derivative of the last stage's activation.
    void backward_scores(Range rows) const;
    // Has the statistics of a stage in a part of a larger batch replaced by those of the whole. The leader.
    void exchange(Team& team, std::size_t s, bool back) const;
    // The shares' blocks of a stage.
    template <class Visit>
    bool for_each_block(Team& team, Division division, Index columns, bool own_rows, Visit visit) const;

    const Network<T>& network_;
    const Context<T>& context_;
    MatrixView<const T> x_;
    Index samples_;
};

} // namespace steepest
