// Plan: the threads and the memory of a run, before its team starts.
#include "training/run.hpp"

#include <algorithm>

namespace steepest {
namespace {

// A product of more work than this for each lane of a vector, some 20 to 40 ms on one thread, is a long one:
// the update is then kept apart from the gradients, so that a step can be left before anything has changed.
// Vectors beyond 32 bytes are not always faster, and so do not count.
constexpr double long_product = 190e6;
// Epochs of one batch are taken back by starting again from a snapshot of some epochs before: a copy of the
// parameters for so many samples costs less than a hundredth of the steps, and going through them anew
// little.
constexpr Index samples_between_snapshots = 2048, most_epochs_between_snapshots = 128;

// A lazy velocity costs what the batch has entries, where a dense one costs what the weight has rows: a step
// of 2^14 features and 21,000 entries takes 1.4 times as long with it, one of 156,000 features a third. And
// less momentum would be forgotten in a few steps, which then divide by next to nothing.
constexpr double features_per_entry = 2, least_momentum = 0.5;

// Two shares for each thread leave little to do when one comes late. Not where they would be narrower than a
// tile: 64 x 1000 times 1000 x 100 in four shares takes a fifth longer than in two.
constexpr Index columns_of_share = 48;
template <class T> int shares_per_thread(const Plan& plan, int threads, Index size, bool custom) {
    if (!custom && !plan.splits_columns(2 * threads, size)) return 2;
    for (const Stage& stage : plan.stages())
        if (stage.is_dense() && splits_columns<T>(stage.outputs, threads) &&
            stage.outputs < 2 * threads * columns_of_share)
            return 1;
    return 2;
}

// The samples that a run visits in each epoch's order.
Range samples_to_run(const FitRequest& request, Index count, Index size) {
    const Index batches = (count + size - 1) / size, first = std::min(request.first_batch, batches);
    const Index last = first + std::min(request.batches, batches - first);
    return {std::min(first * size, count), std::min(last * size, count)};
}

} // namespace

template <class T> int Run<T>::plan(int threads) {
    const Index size = batch_size();
    part_ = samples_to_run(job_.request, job_.samples.count, size);
    several_ = part_.size() > size;
    if (!several_ && !job_.custom)
        epochs_between_snapshots_ =
            std::clamp<Index>(samples_between_snapshots / size, 1, most_epochs_between_snapshots);
    const double in_floats = sizeof(T) / sizeof(float);
    return thread_count(network_.plan().step_work(size) * in_floats, work_per_thread, threads);
}

template <class T> void Run<T>::reserve(int threads) {
    const Index count = job_.samples.count, size = batch_size();
    const bool sparse = bool(job_.samples.sparse), polled = bool(poller_);
    // Rows that evict each other from the cache are better copied.
    gathered_ =
        sparse || job_.request.reordered() || job_.samples.x.stride * Index(sizeof(T)) % aliasing_stride == 0;
    const Index lanes = std::min(job_.kernels.lanes, Index(32 / sizeof(T)));
    const double product = network_.plan().step_time(size) / (3 * long_product * double(lanes));
    polled_inside_ = polled && product > 0.5;
    const bool apart =
        !job_.only_gradients && ((polled && product > 1 && !sparse) || job_.config.clip_norm < unlimited);
    const double work = network_.plan().step_work(1) * double(part_.size()) * double(job_.request.epochs);
    const Team& team =
        team_.emplace(threads, work, shares_per_thread<T>(network_.plan(), threads, size, job_.custom));
    network_.reserve(job_.kernels, size, team.threads(), apart);
    if (apart) stored_ = network_.stored_gradients();
    reserve_batch(size);
    if (sparse)
        memory_.sparse.reserve(job_.samples.sparse, size, most_entries(size), network_.inputs(),
                               network_.plan()[0].outputs, team.shares());
    memory_.order.in_sequence();
    if (job_.request.shuffle) memory_.order.reserve(count);
    result_.losses.reserve(std::size_t(job_.request.epochs));
    result_.seconds.reserve(std::size_t(job_.request.epochs));
}

template <class T> void Run<T>::reserve_batch(Index size) {
    memory_.row_losses.reserve(size);
    if (job_.samples.labels) memory_.labels.reserve(size);
    if (!gathered_) return;
    if (!job_.samples.sparse) memory_.x.reserve(size, network_.inputs());
    if (job_.samples.targets.data) memory_.targets.reserve(size, target_columns());
    memory_.weight.reserve(size);
}

// A given order may visit a sample more than once.
template <class T> Index Run<T>::most_entries(Index size) const {
    const Index count = job_.samples.count;
    const Csr<T>& rows = job_.samples.sparse;
    Index most = 0;
    if (!job_.request.orders) {
        for (Index i = 0; i < count; ++i) most = std::max(most, rows.length(i));
        return std::min(size * most, Index(rows.begin[count]));
    }
    for (Index e = 0; e < job_.request.epochs; ++e)
        for (Index first = 0; first < count; first += size) {
            const std::int64_t* const order = job_.request.orders + e * count;
            Index entries = 0;
            for (Index i = first; i < std::min(first + size, count); ++i) entries += rows.length(order[i]);
            most = std::max(most, entries);
        }
    return most;
}

template <class T> bool Run<T>::renews_terms() const {
    const TrainConfig& config = job_.config;
    return job_.samples.sparse && !config.penalties.empty() && stored_.empty() && !job_.only_gradients &&
           !(config.max_norm < unlimited) && config.rate_factors.empty();
}

template <class T> bool Run<T>::can_be_lazy() const {
    const TrainConfig& config = job_.config;
    const bool alone = traits_of(config.optimizer.rule).descends && !job_.only_gradients &&
                       !job_.average.values && config.rate_factors.empty();
    const bool bounded =
        config.clip_value < unlimited || config.clip_norm < unlimited || config.max_norm < unlimited;
    const bool by_weight = config.penalty_by_batch && job_.samples.weight; // then its share has no bound
    if (!job_.samples.sparse || !alone || bounded || by_weight) return false;
    const Penalty penalty = config.penalties.empty() ? Penalty{} : config.penalties[0];
    const Index size = batch_size();
    const Index steps =
        job_.request.rates.constant ? 1 : job_.request.epochs * ((part_.size() + size - 1) / size);
    double most = 0;
    for (Index step = 0; step < steps; ++step) most = std::max(most, job_.request.rates[step]);
    if (penalty.l1 > 0 || most * 2 * penalty.l2 >= 0.5) return false;
    if (slots_of(config.optimizer) == 0) return penalty.l2 > 0;
    const double entries = double(job_.samples.sparse.begin[job_.samples.count]) * double(size) /
                           double(std::max<Index>(job_.samples.count, 1));
    return several_ && job_.request.restorable && momentum_of(config.optimizer).value >= least_momentum &&
           double(network_.inputs()) > features_per_entry * entries;
}

template int Run<float>::plan(int);
template int Run<double>::plan(int);
template bool Run<float>::renews_terms() const;
template bool Run<double>::renews_terms() const;
template void Run<float>::reserve(int);
template void Run<double>::reserve(int);
template bool Run<float>::can_be_lazy() const;
template bool Run<double>::can_be_lazy() const;

} // namespace steepest
