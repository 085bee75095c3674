// Epochs of mini-batches over a network: gather, forward, loss, backward, update, in one parallel region.
#pragma once

#include "base/watch.hpp"
#include "network/network.hpp"
#include "training/average.hpp"
#include "training/order.hpp"
#include "training/snapshot.hpp"

#include <limits>

namespace steepest {

// Samples to learn from; labels or targets as the loss needs them. The program may write to them meanwhile:
// what is learned is then anything, but a label out of range only ends the run.
template <class T> struct Samples {
    MatrixView<const T> x;
    const std::int64_t* labels;
    MatrixView<const T> targets;
    const T* weight; // or null
    Index count;
    Csr<T> sparse = {}; // in place of x
};

// A batch whose total weight is smaller is treated as having none, because the reciprocal may overflow.
constexpr double least_weight = std::numeric_limits<double>::min();

struct Loss {
    LossKind kind = LossKind::softmax;
    double parameter = 0;  // as in LossRows
    bool sum = false;      // over the samples, instead of their weighted mean
    bool weighted = false; // by class: weights come with the samples, always
};

inline bool takes_labels(LossKind kind) {
    return kind == LossKind::softmax || kind == LossKind::hinge || kind == LossKind::squared_hinge;
}

// A batch as a loss of the program's own sees it: labels, any numbers, or targets of some columns.
template <class T> struct LossInput {
    MatrixView<const T> scores;
    const std::int64_t* labels;
    MatrixView<const T> targets;
    MatrixView<T> gradient; // to be filled, dloss/dscores
    Index rows;
};

// Such a loss, of LossKind::custom: called by the calling thread with one whole batch after the other, while
// the team waits. It sets the loss, a mean over the samples; false ends the run as a watch does.
template <class T> struct CustomLoss {
    Index target_columns = 0;
    std::function<bool(const LossInput<T>&, double* loss)> compute;
};

struct TrainConfig {
    Loss loss;
    std::vector<Penalty> penalties; // one for each dense stage, or none at all
    Optimizer optimizer;
    // Bounds of each component of the gradient, and then of its norm; of the norm of a weight's columns.
    double clip_value = unlimited, clip_norm = unlimited, max_norm = unlimited;
    bool penalty_by_batch = false; // the penalty is that of all the batch, divided as the loss is
    double report_scale = 1;       // what the loss counts for in the objective, but not in its gradient
    bool mean_by_count = false;    // an epoch's mean weighs batches by their samples, whatever these weigh
};

// Learning rates: one for all steps of a run, or one for each.
struct Rates {
    const double* data = nullptr;
    bool constant = true;
    double operator[](Index step) const { return data[constant ? 0 : step]; }
};

// Of some batches: their objectives times their shares in an epoch, and these shares.
struct Sums {
    double loss = 0, weight = 0;
    void add(double share, double objective) { loss += share * objective, weight += share; }
    double mean() const { return weight > 0 ? loss / weight : 0; }
};

// An end to a run, after the epoch that is the more than `patience`th in a row not to bring the objective
// below `best` by more than `tolerance`. Never, by default.
struct Plateau {
    double tolerance = 0, patience = std::numeric_limits<double>::infinity();
    double best = std::numeric_limits<double>::infinity(), waited = 0;
    bool possible() const { return patience < std::numeric_limits<double>::infinity(); }
    bool reached(double loss) {
        waited = loss > best - tolerance ? waited + 1 : 0;
        if (loss < best) best = loss;
        return waited > patience;
    }
};

struct FitRequest {
    Index epochs = 1, first_epoch = 0, batch = 1;
    bool shuffle = false;
    std::uint64_t seed = 0; // of shuffles and of the draws of each step
    Index first_step = 0;   // of this run, counted over all runs
    Index state_start = 0;  // at which the optimizer's state was zero
    Rates rates = {};
    Index first_batch = 0, batches = std::numeric_limits<Index>::max(); // of each epoch, or as many as it has
    Sums before = {};                                                   // of the epoch's earlier batches
    const std::int64_t* orders = nullptr; // of the samples in each epoch, instead of shuffles
    Plateau plateau = {};
    bool restorable = true; // whether an update that overflows is taken back, for which copies are kept
    bool reordered() const { return shuffle || orders; }
};

// diverged: an objective was not finite; overflowed: a parameter after an update, or what is kept with it;
// invalid_label: a label of a batch was none of the classes.
enum class Status { finished, cancelled, diverged, overflowed, invalid_label };

struct Result {
    std::vector<double> losses, seconds; // of each finished epoch, or of the part of it that was run
    Sums sums;                           // of the last epoch, its earlier batches included
    Status status = Status::finished;
    Index step = 0;  // the batch that diverged, or the sample whose label is none of the classes
    Index steps = 0; // updates done, and not undone
    double loss = 0; // the objective of the last batch
    int threads = 1; // how many took part
};

template <class T> class Trainer {
  public:
    explicit Trainer(Network<T>& network) : network_(network) {}

    // Runs the request. Each batch's labels and objective are checked before its update, and what updates
    // made of the parameters after each epoch, or after some epochs of one batch. If a label is none of
    // 0..outputs-1, or the objective or a parameter not finite, then parameters, state and the average go
    // back to the end of the last finished epoch, or to the beginning of a run within one; but a run that is
    // not restorable is left with parameters that overflowed. A cancelled run keeps those of the last
    // finished batch. `custom` is null but for a loss of that kind.
    Result fit(const Kernels<T>& kernels, int threads, const Samples<T>& samples, const TrainConfig& config,
               const State<T>& state, const FitRequest& request, const Watch& watch,
               const CustomLoss<T>* custom = nullptr, const Average<T>& average = {});

    // The objective of all samples as one batch, in Result::loss; its gradients, penalty included, go to
    // `gradients`, and nothing is updated.
    Result gradients(const Kernels<T>& kernels, int threads, const Samples<T>& samples,
                     const TrainConfig& config, const Parameters<T>* gradients, const StepKey& draws,
                     const Watch& watch, const CustomLoss<T>* custom = nullptr);

  private:
    struct Run;
    struct Batch {
        Samples<T> samples;
        double weight; // of all its samples together
        double scale;  // what a sample's gradient is multiplied by, next to its weight
        bool gather;   // whether it is still to be copied
        Index first;   // where it begins in the epoch's order
    };

    void execute(Run& run, int threads);
    void reserve(Run& run, int threads);
    Index most_entries(const Run& run, Index size) const;
    void save(Run& run, Index epoch);
    void restore(Run& run);
    bool go_back(Run& run);
    void train(Run& run, const Team& team);
    void run_epochs(Run& run, const Team& team);
    void inspect(Run& run, const Team& team);
    bool begin_epoch(Run& run, Index epoch, bool inspected);
    bool judge(Run& run, const Batch& batch, Index first);
    void prepare_update(Run& run, double penalty_share);
    bool step(Run& run, const Team& team, Index first, Index size, bool again, const StepKey& draws);
    void update(Run& run, const Team& team, const Batch& batch, const Parameters<T>* stored);
    double penalty_share(const Run& run, const Batch& batch) const;
    double objective(const Run& run, const Batch& batch) const;
    Batch look_up(const Run& run, Index first, Index size) const;
    void forward_and_backward(Run& run, const Team& team, const Batch& batch, Index first,
                              const StepKey& draws, const Stop& stop);
    void gather(const Run& run, Index first, Range rows);
    void copy_labels(Run& run, Index first, Range rows);
    void score(Run& run, const Batch& batch, Range rows);
    void score_together(Run& run, const Team& team, const Batch& batch, Range mine);
    Index target_columns(const Run& run) const;
    Range samples_to_run(const Run& run) const;
    bool lazy(const Run& run) const;
    void settle(const Team& team, bool last);

    Network<T>& network_;
    Matrix<T> x_, targets_; // the gathered batch
    SparseBatch<T> sparse_;
    Buffer<T> weight_;
    Buffer<std::int64_t> labels_; // of any batch: copies, checked
    Buffer<double> row_losses_;
    Order order_;
    Updates<T> updates_; // of the step that comes
    Snapshot<T> snapshot_;
};

} // namespace steepest
