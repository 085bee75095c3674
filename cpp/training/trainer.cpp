// Trainer: epochs, and the order of one step.
#include "training/run.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace steepest {
namespace {

// A product of more work than this for each lane of a vector, some 20 to 40 ms on one thread, is a long one:
// the update is then kept apart from the gradients, so that a step can be left before anything has changed.
// Vectors beyond 32 bytes are not always faster, and so do not count.
constexpr double long_product = 190e6;
constexpr Index block_rows = 256; // rows that go forward and back together, so that they stay in cache
// Epochs of one batch are taken back by starting again from a snapshot of some epochs before: a copy of the
// parameters for so many samples costs less than a hundredth of the steps, and going through them anew
// little.
constexpr Index samples_between_snapshots = 2048, most_epochs_between_snapshots = 128;

} // namespace

template <class T>
Result Trainer<T>::fit(const Kernels<T>& kernels, int threads, const Samples<T>& samples,
                       const TrainConfig& config, const State<T>& state, const FitRequest& request,
                       const Watch& watch, const CustomLoss<T>* custom, const Average<T>& average) {
    Run run{kernels, samples, config, request, state, nullptr, custom, average, Lookout(watch)};
    execute(run, threads);
    return std::move(run.result);
}

template <class T>
Result Trainer<T>::gradients(const Kernels<T>& kernels, int threads, const Samples<T>& samples,
                             const TrainConfig& config, const Parameters<T>* gradients, const StepKey& draws,
                             const Watch& watch, const CustomLoss<T>* custom) {
    const double rate = 0;
    FitRequest once;
    once.batch = samples.count;
    once.seed = draws.seed, once.first_step = Index(draws.step);
    once.rates.data = &rate;
    once.restorable = false;
    Run run{kernels, samples, config, once, {}, gradients, custom, {}, Lookout(watch)};
    execute(run, threads);
    return std::move(run.result);
}

template <class T> void Trainer<T>::save(Run& run, Index epoch) {
    snapshot_.save(network_, run.state, run.average.values);
    run.saved_epoch = epoch, run.saved_steps = run.result.steps, run.saved_plateau = run.plateau;
    if (run.average.values) run.saved_updates = *run.average.updates;
}

template <class T> void Trainer<T>::restore(Run& run) {
    snapshot_.restore(network_, run.state, run.average.values);
    run.result.steps = run.saved_steps, run.plateau = run.saved_plateau;
    if (run.average.values) *run.average.updates = run.saved_updates;
    run.result.losses.resize(std::size_t(run.saved_epoch));
    run.result.seconds.resize(std::size_t(run.saved_epoch));
}

template <class T> Range Trainer<T>::samples_to_run(const Run& run) const {
    const Index count = run.samples.count, size = std::min(run.request.batch, count);
    const Index batches = (count + size - 1) / size, first = std::min(run.request.first_batch, batches);
    const Index last = first + std::min(run.request.batches, batches - first);
    return {std::min(first * size, count), std::min(last * size, count)};
}

template <class T> void Trainer<T>::execute(Run& run, int threads) {
    const Index size = std::min(run.request.batch, run.samples.count);
    run.part = samples_to_run(run);
    run.several = run.part.size() > size;
    if (!run.several && !run.custom)
        run.epochs_between_snapshots =
            std::clamp<Index>(samples_between_snapshots / size, 1, most_epochs_between_snapshots);
    const double work = network_.step_work(size);
    const double steps = double(run.request.epochs) * double((run.part.size() + size - 1) / size);
    threads = thread_count(work, work_per_thread, thread_count(work * steps, work_per_new_thread, threads));
    reserve(run, threads);
    if (run.request.restorable) save(run, 0); // so that memory is found before the threads start
    do {
        prepare_update(run, 1);
        run.first_epoch = run.saved_epoch, run.first_step = run.result.steps;
        const bool sparse = bool(run.samples.sparse);
        const SparseReading<T> reading(network_, sparse ? &sparse_ : nullptr, sparse && lazy(run));
        const auto body = [&](const Team& team) { train(run, team); };
        run.custom ? run_calling_out(threads, body) : steepest::run(threads, body);
        network_.write_scaled({0, 1, nullptr}); // where the run was left within an epoch
    } while (go_back(run));
}

// Entries of sparse samples that a batch may have. A given order may visit a sample more than once.
template <class T> Index Trainer<T>::most_entries(const Run& run, Index size) const {
    const Index count = run.samples.count;
    const Csr<T>& rows = run.samples.sparse;
    Index most = 0;
    if (!run.request.orders) {
        for (Index i = 0; i < count; ++i) most = std::max(most, rows.length(i));
        return std::min(size * most, Index(rows.begin[count]));
    }
    for (Index e = 0; e < run.request.epochs; ++e)
        for (Index first = 0; first < count; first += size) {
            const std::int64_t* const order = run.request.orders + e * count;
            Index entries = 0;
            for (Index i = first; i < std::min(first + size, count); ++i) entries += rows.length(order[i]);
            most = std::max(most, entries);
        }
    return most;
}

// Memory for a run, all that its threads need.
template <class T> void Trainer<T>::reserve(Run& run, int threads) {
    const Index count = run.samples.count, size = std::min(run.request.batch, count);
    const bool sparse = bool(run.samples.sparse), watched = bool(run.lookout);
    // Rows that evict each other from the cache are better copied.
    run.gathered =
        sparse || run.request.reordered() || run.samples.x.stride * Index(sizeof(T)) % aliasing_stride == 0;
    const Index lanes = std::min(run.kernels.lanes, Index(32 / sizeof(T)));
    const double product = network_.step_time(size) / (3 * long_product * double(lanes));
    run.watched_inside = watched && product > 0.5;
    const bool apart =
        (watched && product > 1 && !sparse) || (run.config.clip_norm < unlimited && !run.only_gradients);
    network_.reserve(run.kernels, size, threads, apart && !run.only_gradients);
    if (apart && !run.only_gradients) run.stored = network_.stored_gradients();
    row_losses_.reserve(size);
    if (run.samples.labels) labels_.reserve(size);
    order_.in_sequence();
    if (run.request.shuffle) order_.reserve(count);
    if (run.gathered) {
        if (!sparse) x_.reserve(size, network_.inputs());
        if (run.samples.targets.data) targets_.reserve(size, target_columns(run));
        weight_.reserve(size);
    }
    if (sparse)
        sparse_.reserve(run.samples.sparse, size, most_entries(run, size), network_.inputs(),
                        network_.stages()[0].outputs, threads);
    run.result.losses.reserve(std::size_t(run.request.epochs));
    run.result.seconds.reserve(std::size_t(run.request.epochs));
}

// After a run: takes back what diverged or overflowed. True if the epochs from the snapshot on are to be run
// again, one by one, to find the last of them that was good.
template <class T> bool Trainer<T>::go_back(Run& run) {
    Result& result = run.result;
    if (run.finite && !run.overflow) {
        const bool refused = result.status == Status::diverged || result.status == Status::invalid_label;
        if (refused && run.several) restore(run);
        return false;
    }
    const bool last = run.epochs_between_snapshots == 1 || !run.request.restorable;
    if (run.request.restorable) restore(run);
    run.finite = true, run.ended = false, run.invalid_label = -1;
    result.status = last ? Status::overflowed : Status::finished;
    run.epochs_between_snapshots = 1;
    return !last;
}

template <class T> void Trainer<T>::train(Run& run, const Team& team) {
    run_epochs(run, team);
    if (!run.only_gradients) inspect(run, team);
}

// This thread's part of all that learning changes; of the parameters, only what updates did not look at.
template <class T> void Trainer<T>::inspect(Run& run, const Team& team) {
    if (!network_.finite(run.kernels, team, run.request.restorable, run.state, run.average.values))
        run.finite = false;
}

template <class T> void Trainer<T>::run_epochs(Run& run, const Team& team) {
    const Index count = run.samples.count, size = std::min(run.request.batch, count);
    const bool leader = team.rank == 0;
    StepKey draws{run.request.seed, std::uint64_t(run.request.first_step + run.first_step)};
    if (leader) run.result.threads = team.size;
    for (Index epoch = run.first_epoch; epoch < run.request.epochs; ++epoch) {
        const bool due =
            epoch > run.first_epoch && (epoch - run.first_epoch) % run.epochs_between_snapshots == 0;
        if (due) inspect(run, team);
        const auto begin = [&] { run.ended = !begin_epoch(run, epoch, due); };
        if (due || run.request.reordered() || run.several || run.request.plateau.possible())
            team.barrier(begin);
        else if (leader)
            begin_epoch(run, epoch, false); // the others see nothing of it
        if (run.ended) return;
        for (Index first = run.part.begin; first < run.part.end; first += size, ++draws.step) {
            const Index batch = std::min(size, run.part.end - first);
            // The one batch of a fit without shuffles is the same in each epoch.
            const bool again = epoch > run.first_epoch && !run.request.reordered() && !run.several;
            if (!step(run, team, first, batch, again, draws)) return;
            if (network_.lazy()) settle(team, first + size >= run.part.end);
            if (leader) run.lookout.done = double(epoch) + double(first + batch) / double(count);
        }
        if (!leader) continue;
        const auto now = Clock::now();
        run.result.losses.push_back(run.sums.mean()); // there is room for all
        run.result.seconds.push_back(std::chrono::duration<double>(now - run.epoch_start).count());
        run.epoch_start = now;
    }
}

// Whether there is to be one more epoch; by one thread.
template <class T> bool Trainer<T>::begin_epoch(Run& run, Index epoch, bool inspected) {
    if (inspected && !run.finite) return false;
    if (epoch > run.first_epoch && run.plateau.reached(run.result.losses.back())) return false;
    run.sums = {};
    run.result.sums = run.request.before;
    if (run.request.shuffle)
        order_.shuffle(run.samples.count, run.request.seed, std::uint64_t(run.request.first_epoch + epoch));
    if (run.request.orders) order_.as_given(run.request.orders + epoch * run.samples.count);
    if (inspected) save(run, epoch);
    return true;
}

// Whether the update of a sparse first layer is one that scales its weight, by not too little.
template <class T> bool Trainer<T>::lazy(const Run& run) const {
    const TrainConfig& config = run.config;
    const Optimizer& o = config.optimizer;
    const bool plain = o.rule == Rule::sgd && o.momentum == 0 && !run.only_gradients && !run.average.values;
    const bool bounded =
        config.clip_value < unlimited || config.clip_norm < unlimited || config.max_norm < unlimited;
    if (!run.samples.sparse || !plain || bounded || config.penalty_by_batch || config.penalties.empty())
        return false;
    const Penalty& penalty = config.penalties[0];
    const Index size = std::min(run.request.batch, run.samples.count);
    const Index steps =
        run.request.rates.constant ? 1 : run.request.epochs * ((run.part.size() + size - 1) / size);
    double most = 0;
    for (Index step = 0; step < steps; ++step) most = std::max(most, run.request.rates[step]);
    return penalty.l2 > 0 && penalty.l1 == 0 && most * 2 * penalty.l2 < 0.5;
}

// After a step of all threads with a lazy weight: its new scale, which the end of an epoch writes.
template <class T> void Trainer<T>::settle(const Team& team, bool last) {
    const bool leader = team.rank == 0;
    if (leader) network_.settle();
    team.barrier();
    if (!last && !network_.wants_writing()) return;
    network_.write_scaled(team);
    team.barrier();
    if (leader) network_.written();
    team.barrier();
}

template <class T> void Trainer<T>::prepare_update(Run& run, double penalty_share) {
    const TrainConfig& config = run.config;
    const FitRequest& request = run.request;
    const Index step = run.result.steps, age = request.first_step + step - request.state_start;
    const double rate = request.rates[step];
    updates_.biases = update_with<T>(config.optimizer, config.clip_value, rate, age);
    updates_.biases.overflow = request.restorable ? nullptr : &run.overflow;
    updates_.weights.resize(network_.parameters().size());
    for (std::size_t d = 0; d < updates_.weights.size(); ++d) {
        const Penalty penalty = config.penalties.empty() ? Penalty{} : config.penalties[d];
        updates_.weights[d] = of_weights<T>(updates_.biases, config.optimizer, penalty * penalty_share, rate);
    }
    if (network_.lazy())
        updates_.weights[0] = network_.put_off(updates_.weights[0], rate, config.penalties[0].l2);
}

// One batch: samples [first, first + size) in the epoch's order. Returns false, the same in every thread,
// if the run must end; nothing has been updated then.
template <class T>
bool Trainer<T>::step(Run& run, const Team& team, Index first, Index size, bool again, const StepKey& draws) {
    const bool leader = team.rank == 0;
    const auto& kernels = run.kernels;
    Batch batch = look_up(run, first, size);
    batch.gather = run.gathered && !again;
    const Stop stop = run.watched_inside ? run.lookout.stop_of(team.rank) : Stop();

    forward_and_backward(run, team, batch, first, draws, stop);
    if (!run.config.penalties.empty()) network_.penalize(kernels, team, run.config.penalties);
    // Who computes the loss takes unknown time, and is called seldom enough to look after each time.
    const double work = run.custom ? work_between_looks : network_.step_work(size) / double(team.size);
    if (leader && !run.watched_inside) run.lookout.look(work);
    const bool by_batch = run.config.penalty_by_batch && !run.config.penalties.empty();
    const bool same_update = run.request.rates.constant && run.config.optimizer.rule != Rule::adam;
    if (leader && (by_batch || network_.lazy() || (!same_update && run.result.steps > 0)))
        prepare_update(run, penalty_share(run, batch));
    if (leader && run.average.values) run.share = run.average.next_share();

    const Parameters<T>* stored = run.only_gradients    ? run.only_gradients
                                  : !run.stored.empty() ? run.stored.data()
                                                        : nullptr;
    if (stored) {
        team.barrier();
        network_.learn(kernels, team, batch.samples.x, size, updates_, {}, stored, stop);
    }
    if (run.config.clip_norm < unlimited && !run.only_gradients) {
        team.barrier();
        network_.measure(kernels, team, stored, run.config.clip_value);
    }
    team.barrier([&] { run.go = judge(run, batch, first); });
    if (!run.go || run.only_gradients) return run.go;
    update(run, team, batch, stored);
    if (leader) {
        ++run.result.steps;
        const double share_of_epoch = run.config.loss.sum        ? 1
                                      : run.config.mean_by_count ? double(size)
                                                                 : batch.weight;
        run.sums.add(share_of_epoch, run.result.loss);
        run.result.sums.add(share_of_epoch, run.result.loss);
    }
    return true;
}

// Whether a batch whose gradients are there is to be learned: by one thread, since the caller's arrays may
// change, and of threads that each decided some would go on and wait for the others for ever.
template <class T> bool Trainer<T>::judge(Run& run, const Batch& batch, Index first) {
    Result& result = run.result;
    if (run.lookout.stopped()) {
        result.status = Status::cancelled;
        return false;
    }
    if (const Index sample = run.invalid_label.load(std::memory_order_relaxed); sample >= 0) {
        result.status = Status::invalid_label, result.step = sample;
        return false;
    }
    result.loss = objective(run, batch);
    if (run.only_gradients || std::isfinite(result.loss)) return true;
    result.status = Status::diverged, result.step = first / run.request.batch;
    return false;
}

// From the gradients of a finished backward pass, or those stored and measured, to the next step's
// parameters.
template <class T>
void Trainer<T>::update(Run& run, const Team& team, const Batch& batch, const Parameters<T>* stored) {
    const auto& kernels = run.kernels;
    const double limit = run.config.clip_norm, norm = limit < unlimited ? network_.gradient_norm() : 0;
    if (stored)
        network_.apply(kernels, team, updates_, run.state, stored, norm > limit ? limit / norm : 1);
    else
        network_.learn(kernels, team, batch.samples.x, batch.samples.count, updates_, run.state, nullptr, {});
    network_.learn_statistics(team);
    team.barrier();
    if (run.config.max_norm < unlimited) {
        network_.constrain(kernels, team, run.config.max_norm);
        team.barrier();
    }
    if (run.average.values) {
        if (run.share > 0) take_in(kernels, team, network_, run.average.values, T(run.share));
        team.barrier(); // before the parameters change again, or the average is saved
        if (team.rank == 0) ++*run.average.updates;
    }
}

template <class T>
void Trainer<T>::forward_and_backward(Run& run, const Team& team, const Batch& batch, Index first,
                                      const StepKey& draws, const Stop& stop) {
    const auto& kernels = run.kernels;
    const MatrixView<const T> x = batch.samples.x;
    const Index size = batch.samples.count;
    const Range mine = share(size, 1, team.rank, team.size);
    if (network_.any_turned()) {
        network_.transpose(kernels, team);
        team.barrier();
    }
    if (run.custom || network_.together(team, size)) {
        if (batch.gather) gather(run, first, mine);
        network_.forward_together(kernels, team, x, size, mine, draws, stop);
        if (run.custom)
            score_together(run, team, batch, mine);
        else
            score(run, batch, mine);
        network_.backward_together(kernels, team, x, size, mine, draws, stop);
        return;
    }
    for (Index i = mine.begin; i < mine.end && !(stop && stop()); i += block_rows) {
        const Range rows{i, std::min(i + block_rows, mine.end)};
        if (batch.gather) gather(run, first, rows);
        network_.forward(kernels, team, x, rows, draws, stop);
        score(run, batch, rows);
        network_.backward(kernels, team, x, rows, draws, stop);
    }
}

template class Trainer<float>;
template class Trainer<double>;

} // namespace steepest
