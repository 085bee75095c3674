// A model compiled to stages, with the buffers of one batch: forward, backward and update, each a piece of
// work that one thread of a team does on its own rows.
#pragma once

#include "buffer.hpp"
#include "dispatch.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <functional>
#include <vector>

namespace steepest {

// y = activation(x @ weight + bias), or y = activation(x) if not dense.
struct Stage {
    Index inputs, outputs;
    Activation activation;
    bool dense;
    double slope = 0; // of the activation
};

// Whether an activation's derivative comes from its input, not its output. A dense stage, whose sums are not
// kept, cannot have such a one.
constexpr bool reads_input(Activation activation) { return activation == Activation::gelu; }

// Parameters of a dense stage, or their gradients or velocities; owned by the caller. No bias: null.
template <class T> struct Parameters {
    Rows<T> weight;
    T* bias;
};

struct Penalty {
    double l2 = 0, l1 = 0; // of sum(w^2) and sum|w|
    bool any() const { return l2 != 0 || l1 != 0; }
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
// and pieces of the lines that it shares with its neighbours.
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

inline Index penalty_terms(const Stage& dense) { return (dense.inputs + penalty_rows - 1) / penalty_rows; }

// What a thread asks between two pieces of its work: true means stop soon. Empty, the work is not cut.
using Stop = std::function<bool()>;
constexpr Index columns_at_once = 480; // of a layer, between two looks at it: whole blocks of every kernel

// Visits this thread's blocks of a layer's (samples, columns): its part, or its rows of a layer too narrow to
// divide. Waits first for the others' work on the layer before, unless both are by rows: `own_rows` says
// whether that one was, and the result whether this one is.
template <class T, class Visit>
bool divide(const Team& team, Index samples, Index columns, Range mine, bool own_rows, const Stop& stop,
            Visit visit) {
    const bool divided = divisible<T>(columns, team.size);
    if (divided || !own_rows) team.barrier();
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

template <class T> class Network {
  public:
    // `parameters` has one entry for each dense stage. Throws std::invalid_argument for an empty network,
    // for stages that do not fit each other, or for a wrong number of parameters.
    Network(std::vector<Stage> stages, std::vector<Parameters<T>> parameters);

    const std::vector<Stage>& stages() const { return stages_; }
    const std::vector<Parameters<T>>& parameters() const { return parameters_; }
    Index inputs() const { return stages_.front().inputs; }
    Index outputs() const { return stages_.back().outputs; }
    double forward_work(Index samples) const; // multiply-adds
    double step_work(Index samples) const;
    // Of its three products, in multiply-adds that cost as much: narrow layers do not go faster.
    double step_time(Index samples) const;

    // Scores y (rows, outputs) of x (rows, inputs), by a team of its own. Returns the team's size.
    int predict(const Kernels<T>& kernels, int threads, Rows<const T> x, Rows<T> y, Index rows);

    // ---- one training step, by a team; reserve first, from one thread --------------------------------
    void reserve(const Kernels<T>& kernels, Index samples, int threads, bool gradients);

    // This thread's part of the transposed weights of narrow layers, of which forward and backward need all.
    void transpose(const Kernels<T>& kernels, const Team& team);
    bool any_turned() const;

    // Rows of a batch whose inputs begin at x, through all stages. The scores are rows of scores().
    void forward(const Kernels<T>& kernels, const Team& team, Rows<const T> x, Range rows);
    Rows<const T> scores() const { return read_only(outputs_.back().rows()); }
    Rows<T> score_gradients() const { return deltas_.back().rows(); } // dloss/dscores go in here

    // From the gradients of the scores back to those of every dense stage's sums, the same rows.
    void backward(const Kernels<T>& kernels, const Team& team, Range rows);

    // The same for a whole batch, each thread on a part of the outputs: forward reads the columns of a weight
    // that the same thread updates, which stay in the cache of its core (backward reads rows of all parts).
    // Layers too narrow to divide are done by rows, `mine`. Begins with `mine` of x, and ends with `mine` of
    // the scores; backward ends without a barrier.
    void forward_together(const Kernels<T>& kernels, const Team& team, Rows<const T> x, Index samples,
                          Range mine, const Stop& stop);
    void backward_together(const Kernels<T>& kernels, const Team& team, Index samples, Range mine,
                           const Stop& stop);
    // Whether a batch is worked on so: not if it is so tall that its own outputs would leave the cache.
    static bool together(const Team& team, Index samples);

    // After all rows of the batch: this thread's share of every parameter. With `gradients`, regularised
    // gradients are stored there, until `stop`; otherwise parameters, and velocities with momentum, are
    // updated.
    void learn(const Kernels<T>& kernels, const Team& team, Rows<const T> x, Index samples,
               const Update<T>& update, const Parameters<T>* velocities, const Parameters<T>* gradients,
               const Stop& stop);

    // The update alone, from gradients that learn() stored.
    void apply(const Kernels<T>& kernels, const Team& team, const Update<T>& update,
               const Parameters<T>* velocities, const Parameters<T>* gradients);

    // This thread's terms of the penalty; after a barrier, their sum in one fixed order.
    void penalise(const Kernels<T>& kernels, const Team& team, const Penalty& penalty);
    double penalty_value() const;

    std::vector<Parameters<T>> stored_gradients() const;

  private:
    bool turned(const Stage& s) const { return s.dense && steepest::turned<T>(s.inputs, s.outputs); }
    // What the derivative of a stage's activation comes from.
    const Matrix<T>& seen(std::size_t s) const { return outputs_[s - reads_input(stages_[s].activation)]; }
    void reserve_transposed();
    int predict_row(const Kernels<T>& kernels, int threads, Rows<const T> x, Rows<T> y);
    void run_stage(const Kernels<T>& kernels, std::size_t stage, Rows<const T> x, Rows<T> y, Index rows,
                   Range columns, T* scratch) const;
    void forward(const Kernels<T>& kernels, const Team& team, std::size_t stage, Rows<const T> x, Block y);
    void backward(const Kernels<T>& kernels, const Team& team, std::size_t stage, Block dx);
    void backward_top(const Kernels<T>& kernels, Range rows);
    void learn(const Kernels<T>& kernels, const Team& team, std::size_t stage, Rows<const T> x, Index samples,
               Block weight, const Update<T>& update, const Parameters<T>* velocities,
               const Parameters<T>* gradients);
    void learn_bias(const Kernels<T>& kernels, const Team& team, std::size_t stage, Index samples,
                    const Update<T>& update, const Parameters<T>* velocities, const Parameters<T>* gradients);
    T* scratch(const Team& team) const { return scratch_.data() + team.rank * scratch_stride_; }

    std::vector<Stage> stages_;
    std::vector<Parameters<T>> parameters_;
    std::vector<std::size_t> dense_; // index into parameters_ of each dense stage
    std::size_t first_dense_ = 0;
    std::vector<Matrix<T>> outputs_, deltas_; // one of each a stage
    std::vector<Matrix<T>> gradients_;        // weights, then the bias as one more row
    std::vector<Matrix<T>> transposed_;       // weights of narrow stages, (outputs, inputs)
    std::vector<Buffer<double>> penalties_;   // a term for every 8 rows of weights
    Buffer<T> scratch_;
    Index scratch_stride_ = 0;
};

} // namespace steepest
