// Compute: a model's plan with its parameters and the buffers of one batch. What computes with it has files
// of its own: passes, update, norms, predict, and stages/ for each kind of stage.
#pragma once

#include "kernels/dispatch.hpp"
#include "network/parameters.hpp"
#include "network/plan.hpp"
#include "network/sparse/batch.hpp"
#include "network/sparse/lazy_weight.hpp"
#include "network/stages/dense_product.hpp"
#include "network/workspace.hpp"

#include <vector>

namespace steepest {

class Poller;

// One batch or prediction at a time, by one team.
template <class T> class Network {
  public:
    // `parameters` has one entry for each stage that has some, `running` one for each stage with running
    // statistics, of as many rows as its kind says. Throws std::invalid_argument as Plan does.
    Network(std::vector<Stage> stages, std::vector<Parameters<T>> parameters,
            std::vector<MatrixView<T>> running);

    // ---- every thread ------------------------------------------------------------------------------------
    [[nodiscard]] const Plan& plan() const { return plan_; }
    [[nodiscard]] const std::vector<Parameters<T>>& parameters() const { return parameters_; }
    [[nodiscard]] const std::vector<MatrixView<T>>& running() const { return running_; }
    [[nodiscard]] Index inputs() const { return plan_.inputs(); }
    [[nodiscard]] Index outputs() const { return plan_.outputs(); }
    // The buffers, in which each share writes its part.
    [[nodiscard]] const Workspace<T>& workspace() const { return workspace_; }
    [[nodiscard]] const LazyWeight<T>& lazy_weight() const { return lazy_weight_; }
    // The samples that the first stage reads in place of x, or null.
    [[nodiscard]] SparseBatch<T>* sparse() const { return sparse_; }
    // The scores of a batch that went forward, and where dloss/dscores go before it goes back.
    [[nodiscard]] MatrixView<const T> scores() const { return read_only(workspace_.outputs.back().rows()); }
    [[nodiscard]] MatrixView<T> score_gradients() const { return workspace_.deltas.back().rows(); }
    // Whether a stage's product needs another arrangement of its weight than the one that is learned.
    [[nodiscard]] bool needs_arranged(std::size_t s) const { return is_arranged(s) && !(sparse_ && s == 0); }
    // Whether any does.
    [[nodiscard]] bool needs_arranging() const;
    // This share's part of all these, of which every pass, forward or backward, needs the whole.
    void arrange(const Kernels<T>& kernels, const Share& share) const;

    [[nodiscard]] LazyWeight<T>& lazy_weight() { return lazy_weight_; }

    // ---- the caller alone --------------------------------------------------------------------------------
    // Scores y (rows, outputs) of x (rows, inputs), or of what read() was given, by a team of its own.
    // Returns the team's size. Left unfinished where `poller` stops.
    int predict(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<T> y, Index rows,
                Poller& poller);
    // Memory for training steps on so many samples, and for their gradients if these are to be stored.
    void reserve(const Kernels<T>& kernels, Index samples, int threads, bool gradients);
    // Memory for the norm of gradients that the caller has.
    void reserve_norm_terms();
    // Views of the gradients that reserve() made room for.
    [[nodiscard]] std::vector<Parameters<T>> stored_gradients() const;
    // From now on the rows of a batch are those of `batch` in place of x, until it is null; the first stage
    // must be dense. Its weight is lazy from lazy_weight().begin() on, until then.
    void read(SparseBatch<T>* batch) { sparse_ = batch, lazy_weight_.end(); }

  private:
    // Whether a stage's product needs its weight arranged, unless it reads sparse rows.
    [[nodiscard]] bool is_arranged(std::size_t s) const;
    void reserve_arranged();
    // Makes what all rows of a prediction share.
    void prepare_prediction(const Kernels<T>& kernels);
    // predict() of one row.
    int predict_row(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<T> y);

    Plan plan_;
    std::vector<Parameters<T>> parameters_;
    std::vector<MatrixView<T>> running_;
    Workspace<T> workspace_;
    LazyWeight<T> lazy_weight_;
    SparseBatch<T>* sparse_ = nullptr;
    std::vector<std::size_t> arranged_; // those stages
};

// While it lives, a network reads its rows from a sparse batch, if there is one.
template <class T> class SparseReading {
  public:
    SparseReading(Network<T>& network, SparseBatch<T>* batch) : network_(network) { network_.read(batch); }
    ~SparseReading() { network_.read(nullptr); }
    SparseReading(const SparseReading&) = delete;
    SparseReading& operator=(const SparseReading&) = delete;

  private:
    Network<T>& network_;
};

// The number of penalty terms of a stage's weight, one for every 8 rows.
[[nodiscard]] inline Index term_count(const Stage& stage) {
    return (stage.weight_rows() + term_rows - 1) / term_rows;
}

} // namespace steepest
