// A model compiled to stages, with the buffers of one batch: forward, backward and update, each a piece of
// work that one thread of a team does on its own rows.
#pragma once

#include "base/buffer.hpp"
#include "base/parallel.hpp"
#include "base/watch.hpp"
#include "kernels/dispatch.hpp"
#include "network/sparse_batch.hpp"
#include "network/stage.hpp"
#include "training/optimizer.hpp"

#include <algorithm>
#include <functional>
#include <vector>

namespace steepest {

// Parameters of a stage that learns, or their gradients, or one of each in an optimizer's state; owned by the
// caller. No bias: null. A batch_norm's weight is one row.
template <class T> struct Parameters {
    MatrixView<T> weight;
    T* bias;
};

// What an optimizer keeps of every parameter: v and s of `Update`; null where its rule has none.
template <class T> struct State {
    const Parameters<T>*first = nullptr, *second = nullptr;
    Parameters<T> first_of(std::size_t own) const { return first ? first[own] : Parameters<T>{}; }
    Parameters<T> second_of(std::size_t own) const { return second ? second[own] : Parameters<T>{}; }
};

// How one step updates the weight of each stage that learns, by its place among them, and all biases.
template <class T> struct Updates {
    std::vector<Update<T>> weights;
    Update<T> biases;
};

// [begin, end) of n for one of `parts`, in whole multiples of `grain` but for the end.
struct Range {
    Index begin, end;
    Index size() const { return end - begin; }
};
Range share(Index n, Index grain, int part, int parts);

template <class T> Range share_columns(Index columns, const Team& team) {
    return share(columns, Index(cache_line / sizeof(T)), team.rank, team.size);
}

// A part of a matrix.
struct Block {
    Range rows, columns;
};

// A thread's part of a matrix, equal to the others' within 8 rows of a cache line: whole lines of columns,
// and pieces of the lines that it shares with its neighbors.
struct Part {
    Block blocks[3];
    int count = 0;
    const Block* begin() const { return blocks; }
    const Block* end() const { return blocks + count; }
};
template <class T> Part part_of(Index rows, Index columns, const Team& team);

// Whether there is a line of columns for each thread.
template <class T> bool divisible(Index columns, int threads) {
    return columns > Index(cache_line / sizeof(T)) * (threads - 1);
}

constexpr Index penalty_rows = 8; // weight rows of one term of the penalty, whatever the threads

inline Index penalty_terms(const Stage& s) { return (s.weight_rows() + penalty_rows - 1) / penalty_rows; }

constexpr Index columns_at_once = 480; // of a layer, between two looks at it: whole blocks of every kernel

// How a stage is divided among threads: into blocks of any rows and columns, into whole columns, because it
// needs all samples of one, or into whole rows.
enum class Division { blocks, columns, rows };

// Visits this thread's blocks of a layer's (samples, columns): its part, or its rows of a layer too narrow to
// divide. Waits first for the others' work on the layer before, unless both are by rows: `own_rows` says
// whether that one was, and the result whether this one is.
template <class T, class Visit>
bool divide(const Team& team, Division division, Index samples, Index columns, Range mine, bool own_rows,
            const Stop& stop, Visit visit) {
    const bool divided =
        division != Division::rows && (division == Division::columns || divisible<T>(columns, team.size));
    if (divided || !own_rows) team.barrier();
    if (division == Division::columns) {
        if (const Range own = share_columns<T>(columns, team); own.size() > 0)
            visit(Block{{0, samples}, own});
        return false;
    }
    if (!divided) {
        visit(Block{mine, {0, columns}});
        return true;
    }
    const Index piece = stop ? columns_at_once : columns;
    for (const Block& own : part_of<T>(samples, columns, team))
        for (Index j = own.columns.begin; j < own.columns.end && !(stop && stop()); j += piece)
            visit(Block{own.rows, {j, std::min(j + piece, own.columns.end)}});
    return false;
}

// How a dense layer's forward product is computed: by its size alone, so that its bits are the same whoever
// asks.
template <class T> bool narrow(Index outputs) { return outputs < narrow_outputs<T>; }
// Whether it needs the weight's transpose.
template <class T> bool turned(Index inputs, Index outputs) {
    return narrow<T>(outputs) && inputs > narrow_outputs<T>;
}
template <class T> auto forward_of(const Kernels<T>& kernels, Index inputs, Index outputs) {
    return turned<T>(inputs, outputs) ? kernels.forward_transposed
           : narrow<T>(outputs)       ? kernels.forward_shallow
                                      : kernels.forward;
}

// What a batch_norm keeps of a batch: a row each. scale is weight / deviation.
enum NormRow : Index {
    norm_mean,
    norm_variance,
    norm_inverse,
    norm_scale,
    norm_dscale,
    norm_dshift,
    norm_rows
};

template <class T> class Network {
  public:
    // `parameters` has one entry for each stage that learns, `running` one for each batch_norm: the running
    // mean, and in its second row the variance. Throws std::invalid_argument for a network in which nothing
    // learns, for stages that do not fit each other, or for a wrong number of parameters; it names the stage.
    Network(std::vector<Stage> stages, std::vector<Parameters<T>> parameters,
            std::vector<MatrixView<T>> running);

    const std::vector<Stage>& stages() const { return stages_; }
    const std::vector<Parameters<T>>& parameters() const { return parameters_; }
    const std::vector<MatrixView<T>>& running() const { return running_; }
    Index inputs() const { return stages_.front().inputs; }
    Index outputs() const { return stages_.back().outputs; }
    double forward_work(Index samples) const; // multiply-adds
    double step_work(Index samples) const;
    // Of its three products, in multiply-adds that cost as much: narrow layers do not go faster.
    double step_time(Index samples) const;

    // Of the stages that are no products too, roughly.
    double total_time(Index samples) const;

    // Scores y (rows, outputs) of x (rows, inputs), by a team of its own. Returns the team's size. Left
    // unfinished where `lookout` stops.
    int predict(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<T> y, Index rows,
                Lookout& lookout);

    // ---- one training step, by a team; reserve first, from one thread --------------------------------
    void reserve(const Kernels<T>& kernels, Index samples, int threads, bool gradients);

    // From now on the rows of a batch are those of `batch` in place of x, until it is null; the first stage
    // must be dense. `lazy`: its weight is kept as a scale times what the array holds.
    void read(SparseBatch<T>* batch, bool lazy);
    bool lazy() const { return lazy_; }
    // The update of a lazy weight by plain descent, with an L2 penalty that only moves the scale; by one
    // thread. settle() then makes that the scale, when all have learned.
    Update<T> put_off(Update<T> update, double rate, double l2);
    void settle() { scale_ = next_scale_, terms_known_ = true; }
    // Whether the scale is so small that it should be written; this thread's rows of that; and the scale
    // when all have written.
    bool wants_writing() const;
    void write_scaled(const Team& team);
    void written() { scale_ = next_scale_ = 1, terms_known_ = false; }

    // This thread's part of the transposed weights of narrow layers, of which forward and backward need all.
    void transpose(const Kernels<T>& kernels, const Team& team);
    bool any_turned() const;

    // Rows of a batch whose inputs begin at x, through all stages. The scores are rows of scores().
    // Left where `stop` says so, as all that takes one.
    void forward(const Kernels<T>& kernels, const Team& team, MatrixView<const T> x, Range rows,
                 const StepKey& draws, const Stop& stop);
    MatrixView<const T> scores() const { return read_only(outputs_.back().rows()); }
    MatrixView<T> score_gradients() const { return deltas_.back().rows(); } // dloss/dscores go in here

    // From the gradients of the scores back to those of every dense stage's sums, the same rows.
    void backward(const Kernels<T>& kernels, const Team& team, MatrixView<const T> x, Range rows,
                  const StepKey& draws, const Stop& stop);

    // The same for a whole batch, each thread on a part of the outputs: forward reads the columns of a weight
    // that the same thread updates, which stay in the cache of its core (backward reads rows of all parts).
    // Layers too narrow to divide are done by rows, `mine`. Begins with `mine` of x, and ends with `mine` of
    // the scores; backward ends without a barrier.
    void forward_together(const Kernels<T>& kernels, const Team& team, MatrixView<const T> x, Index samples,
                          Range mine, const StepKey& draws, const Stop& stop);
    void backward_together(const Kernels<T>& kernels, const Team& team, MatrixView<const T> x, Index samples,
                           Range mine, const StepKey& draws, const Stop& stop);
    // Whether a batch is worked on so: not if it is so tall that its own outputs would leave the cache,
    // unless a stage needs all samples at once.
    bool together(const Team& team, Index samples) const;

    // After all rows of the batch: this thread's share of every parameter. With `gradients`, regularized
    // gradients are stored there, until `stop`; otherwise parameters and state are updated.
    void learn(const Kernels<T>& kernels, const Team& team, MatrixView<const T> x, Index samples,
               const Updates<T>& updates, const State<T>& state, const Parameters<T>* gradients,
               const Stop& stop);

    // The running statistics, from those of the batch that went forward: this thread's columns.
    void learn_statistics(const Team& team);

    // The update alone, from `scale` times the gradients that learn() stored.
    void apply(const Kernels<T>& kernels, const Team& team, const Updates<T>& updates, const State<T>& state,
               const Parameters<T>* gradients, double scale);

    // This thread's terms of the penalties, one for each stage that learns; after a barrier, their sum in one
    // fixed order.
    void penalize(const Kernels<T>& kernels, const Team& team, const std::vector<Penalty>& penalties);
    double penalty_value() const;

    // This thread's terms of the squares of gradients, each component clamped to [-clip, clip]; after a
    // barrier, the norm of all together, in one fixed order.
    void measure(const Kernels<T>& kernels, const Team& team, const Parameters<T>* gradients, double clip);
    double gradient_norm() const;

    // After an update by all threads: scales back this thread's columns of weights beyond the limit.
    void constrain(const Kernels<T>& kernels, const Team& team, double limit);

    // Whether this thread's part of the running statistics and, if there are any, of the averages and, if
    // they are asked for, of the parameters and the optimizer's state is finite.
    bool finite(const Kernels<T>& kernels, const Team& team, bool parameters, const State<T>& state,
                const Parameters<T>* averages) const;

    std::vector<Parameters<T>> stored_gradients() const;

  private:
    // Rows of what goes into a stage.
    MatrixView<const T> input(std::size_t stage, MatrixView<const T> x, Index row) const {
        return stage ? read_only(outputs_[stage - 1].rows(row)) : from(x, row);
    }
    // What the derivative of a stage's activation comes from.
    const Matrix<T>& seen(std::size_t s) const { return outputs_[s - reads_input(stages_[s].activation)]; }
    bool turned(const Stage& s) const {
        const bool sparse = sparse_ && &s == stages_.data();
        return s.dense() && !sparse && steepest::turned<T>(s.inputs, s.outputs);
    }
    void reserve_transposed();
    void prepare_prediction(const Kernels<T>& kernels);
    int predict_row(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<T> y);
    void predict_rows(const Kernels<T>& kernels, MatrixView<const T> x, MatrixView<T> y, Index rows,
                      Index stride, T* scratch, const Stop& stop) const;
    void predict_stage(const Kernels<T>& kernels, std::size_t stage, MatrixView<const T> x,
                       MatrixView<T> forked, MatrixView<T> y, Index rows, Range columns, T* scratch) const;
    Index widest_row() const;
    void run_dense(const Kernels<T>& kernels, std::size_t stage, MatrixView<const T> x, MatrixView<T> y,
                   Index rows, Range columns, T* scratch) const;
    void forward(const Kernels<T>& kernels, const Team& team, std::size_t stage, MatrixView<const T> x,
                 Block y, const StepKey& draws);
    void forward_norm(const Kernels<T>& kernels, std::size_t stage, MatrixView<const T> x, Block y);
    void normalize(std::size_t stage, const T* variance, Range columns);
    void drop(const Kernels<T>& kernels, std::size_t stage, Index row, Range columns, const StepKey& draws);
    void backward(const Kernels<T>& kernels, const Team& team, std::size_t stage, MatrixView<const T> x,
                  Block dx, const StepKey& draws);
    void backward_rows(const Kernels<T>& kernels, std::size_t stage, MatrixView<const T> x, Block dx,
                       const StepKey& draws);
    void backward_pieces(const Kernels<T>& kernels, std::size_t stage, Index row, Range columns);
    void backward_norm(const Kernels<T>& kernels, std::size_t stage, MatrixView<const T> x, Block dx);
    void backward_top(const Kernels<T>& kernels, Range rows);
    void learn(const Kernels<T>& kernels, const Team& team, std::size_t stage, MatrixView<const T> x,
               Index samples, Block weight, const Update<T>& update, const State<T>& state,
               const Parameters<T>* gradients);
    void forward_sparse(const Kernels<T>& kernels, Block y);
    void learn_sparse(const Kernels<T>& kernels, const Team& team, Index samples, const Update<T>& update,
                      const State<T>& state, const Parameters<T>* gradients, const Stop& stop);
    void renew_terms(const Kernels<T>& kernels, const Team& team, Range own);
    void learn_bias(const Kernels<T>& kernels, const Team& team, std::size_t stage, Index samples,
                    const Update<T>& update, const State<T>& state, const Parameters<T>* gradients);
    void learn_norm(const Kernels<T>& kernels, const Team& team, std::size_t stage, const Update<T>& update,
                    const State<T>& state, const Parameters<T>* gradients);
    T* scratch(const Team& team) const { return scratch_.data() + team.rank * scratch_stride_; }

    std::vector<Stage> stages_;
    std::vector<Parameters<T>> parameters_;
    std::vector<MatrixView<T>> running_;
    std::vector<std::size_t> own_;        // index into parameters_ of each stage that learns
    std::vector<std::size_t> statistics_; // index into running_ and normal_ of each batch_norm
    std::size_t first_learner_ = 0;
    SparseBatch<T>* sparse_ = nullptr;
    bool lazy_ = false, terms_known_ = false; // terms_known_: of the first stage's penalty, up to scale_^2
    double scale_ = 1, next_scale_ = 1, lazy_l2_ = 0;
    Index forks_ = 0;                         // at most so many blocks lie inside each other
    std::vector<Matrix<T>> outputs_, deltas_; // one of each a stage
    std::vector<Matrix<T>> factors_;          // of each dropout stage, by stage
    std::vector<Matrix<T>> normal_;           // rows of a batch_norm, as `NormRow` numbers them
    std::vector<Matrix<T>> gradients_;        // weights, then the bias as one more row
    std::vector<Matrix<T>> transposed_;       // weights of narrow stages, (outputs, inputs)
    std::vector<Buffer<double>> penalties_;   // a term for every 8 rows of weights
    std::vector<Buffer<double>> squares_;     // the same of gradients, and one for the bias
    Buffer<T> scratch_;
    Index scratch_stride_ = 0;
};

// While it lives, a network reads its rows from a sparse batch, if there is one.
template <class T> class SparseReading {
  public:
    SparseReading(Network<T>& network, SparseBatch<T>* batch, bool lazy) : network_(network) {
        network_.read(batch, lazy);
    }
    ~SparseReading() { network_.read(nullptr, false); }
    SparseReading(const SparseReading&) = delete;
    SparseReading& operator=(const SparseReading&) = delete;

  private:
    Network<T>& network_;
};

} // namespace steepest
