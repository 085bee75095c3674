// Compute: one run of a trainer: what its caller and its team share, and what they do.
#pragma once

#include "network/context.hpp"
#include "network/passes.hpp"
#include "training/batch.hpp"
#include "training/trainer.hpp"

#include <algorithm>
#include <atomic>
#include <optional>

namespace steepest {

// Made for one call of a trainer, whose thread leads its team.
template <class T> class Run {
  public:
    Run(Network<T>& network, TrainMemory<T>& memory, const Job<T>& job, const Poll& poll)
        : network_(network), memory_(memory), job_(job), poller_(poll), plateau_(job.request.plateau) {
        if (!job.whole) return;
        whole_.samples = job.whole->samples;
        whole_.exchange = [this](T* first, T* second, Index columns, bool back) {
            return tell([&] { return job_.whole->exchange(first, second, columns, back); });
        };
        if (job.whole->on_gradient && job.only_gradients)
            whole_.on_gradient = [this](std::size_t d) {
                return tell([&] { return job_.whole->on_gradient(d); });
            };
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    // Does what is asked for, with at most so many threads. The caller alone, once.
    [[nodiscard]] Result execute(int threads);
    // The update of a step by gradients that are there.
    [[nodiscard]] Result update_by(const Parameters<T>* gradients, int threads);

  private:
    // ---- the caller alone: reservation.cpp and epochs.cpp ------------------------------------------------
    // Decides what is visited and what is taken back, and returns how many threads the work is worth.
    [[nodiscard]] int plan(int threads);
    // Memory for all that the threads need.
    void reserve(int threads);
    // The part of it for copies of a batch, its labels and losses.
    void reserve_batch(Index size);
    // Entries of sparse samples that a batch may have.
    [[nodiscard]] Index most_entries(Index size) const;
    // Whether updates of a sparse first stage are the last that changes its weight in a step, and so can
    // renew the terms of its penalty.
    [[nodiscard]] bool renews_terms() const;
    // Whether a sparse first stage's weight can be lazy, and is cheaper so; and makes it so.
    [[nodiscard]] bool can_be_lazy() const;
    void begin_lazy();
    // After a run: takes back what diverged or overflowed. True if the epochs from the snapshot on are to be
    // run again, one by one, to find the last of them that was good.
    [[nodiscard]] bool go_back();
    // Epochs until the run ends.
    void run_epochs();

    // ---- the caller, between two steps of the team: epochs.cpp and step.cpp ------------------------------
    // Copies all that learning changes, as it is before an epoch.
    void save(Index epoch);
    // Goes back to what was saved.
    void restore();
    // Whether there is to be one more epoch.
    [[nodiscard]] bool begin_epoch(Index epoch, bool inspected);
    // Notes the loss of an epoch.
    void end_epoch();
    // The update of the step that comes, in memory_.updates.
    void prepare_update(double penalty_share);
    // Whether a batch whose gradients are there is to be learned.
    [[nodiscard]] bool decide(const Batch<T>& batch);
    // Of a batch whose loss is there: in one order, whoever adds up.
    [[nodiscard]] double objective(const Batch<T>& batch) const;
    // Notes a batch that has been learned.
    void record(const Batch<T>& batch);

    // ---- the caller, who says what the team does: epochs.cpp ---------------------------------------------
    // Epochs from the last snapshot on, until the run ends.
    void train();
    // Inspects what the team leaves behind.
    void leave(const Context<T>& context);
    // Looks at all that learning changes; of the parameters, only at what updates did not look at.
    void inspect(const Context<T>& context);
    // Begins an epoch; false if the run has ended.
    [[nodiscard]] bool enter_epoch(const Context<T>& context, Index epoch);
    // After a step with a lazy weight: its new mixture, which the end of an epoch writes to the arrays.
    void commit_lazy(bool last);

    // ---- the caller: the phases of a step, in order: step.cpp --------------------------------------------
    // Returns false if the run must end; nothing has been updated then.
    [[nodiscard]] bool step(const Context<T>& context, const Batch<T>& batch);
    // Whether the columns of stages are split into shares, or else their rows.
    [[nodiscard]] bool by_columns(Index samples) const;
    // Forward, loss, backward.
    void evaluate(const Passes<T>& passes, const Context<T>& context, const Batch<T>& batch);
    // The same in either way.
    void evaluate_columns(const Passes<T>& passes, const Context<T>& context, const Batch<T>& batch,
                          bool ready);
    void evaluate_rows(const Context<T>& context, const Batch<T>& batch, Range rows);
    // Polls, and prepares the update.
    void prepare_step(const Batch<T>& batch);
    // Stores gradients where they are asked for apart from the update, and returns them; otherwise null.
    [[nodiscard]] const Parameters<T>* gradients(const Context<T>& context, const Batch<T>& batch);
    // Calls a function of the job's whole, unless the run has ended; false from it ends the run.
    template <class F> bool tell(F f) {
        if (poller_.stopped()) return false;
        const bool good = f();
        if (!good) poller_.stop();
        return good;
    }
    // Stores the gradient of a stage, if it has parameters, and calls the whole's on_gradient.
    void announce_gradient(const Context<T>& context, const Batch<T>& batch, std::size_t s);
    // Adds to the team's work the terms of the norm of stored gradients.
    void add_norm_terms(const Context<T>& context, const Parameters<T>* stored);
    // From the gradients of a finished backward pass, or those stored, to the next step's parameters.
    void update(const Context<T>& context, const Batch<T>& batch, const Parameters<T>* stored);

    // ---- a share, its rows: what a step reads and how it is scored: batch.cpp ----------------------------
    // Samples [first, first + size) in the epoch's order.
    [[nodiscard]] Batch<T> batch_at(Index first, Index size) const;
    // Copies rows of the batch.
    void gather(const Batch<T>& batch, Range rows);
    // Copies labels of the batch; one out of range is noted, and replaced.
    void copy_labels(const Batch<T>& batch, Range rows);
    // The loss of rows and its gradient by their scores.
    void evaluate_loss(const Batch<T>& batch, Range rows);
    // The same of a loss of the program's own, for all rows. The caller.
    void evaluate_custom_loss(const Batch<T>& batch);
    // What the penalty of the configuration counts for in a batch.
    [[nodiscard]] double penalty_share(const Batch<T>& batch) const;
    // Columns of the targets, if these are what the loss takes.
    [[nodiscard]] Index target_columns() const;
    // Samples of every batch but the last.
    [[nodiscard]] Index batch_size() const { return std::min(job_.request.batch, job_.samples.count); }

    Network<T>& network_;
    TrainMemory<T>& memory_;
    const Job<T>& job_;
    Poller poller_;
    Whole<T> whole_{};           // the job's, if it has one: a call that fails stops the poller
    std::optional<Team> team_{}; // while it computes

    Range part_{};                           // of the samples in an epoch's order
    bool several_ = false;                   // batches in it
    bool gathered_ = false;                  // batches are copied; otherwise they lie in order in the samples
    bool polled_inside_ = false;             // a step of long products, or near it
    std::vector<Parameters<T>> stored_{};    // the gradients of a step of long products
    Index epochs_between_snapshots_ = 1;     // at most, if they can be taken back
    Index first_epoch_ = 0, first_step_ = 0; // of the team at work
    std::atomic<bool> nonfinite_{false};     // a number that the last inspection saw
    bool overflow_ = false;                  // what updates saw that cannot be taken back; see `Update`
    std::atomic<Index> invalid_label_{-1};   // the first place in the epoch's order that has one
    double custom_loss_ = 0;                 // of the batch
    Result result_{};
    Sums sums_{}; // of this run's batches in the epoch
    Plateau plateau_;
    double average_weight_ = 0; // of the next parameters in the average
    Clock::time_point epoch_start_ = Clock::now();

    // What the snapshot was taken with: epochs and updates done, those of the average, and the plateau.
    Index saved_epoch_ = 0, saved_steps_ = 0;
    std::int64_t saved_updates_ = 0;
    Plateau saved_plateau_ = {};
};

} // namespace steepest
