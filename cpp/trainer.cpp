// Trainer: epochs, and the order of one step.
#include "run.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace steepest {
namespace {

// A product of more work than this for each lane of a vector, some 20 to 40 ms on one thread, is a long one:
// the update is then kept apart from the gradients, so that a step can be left before anything has changed.
// Vectors beyond 32 bytes are not always faster, and so do not count.
constexpr double long_product = 190e6;
constexpr Index block_rows = 256; // rows that go forward and back together, so that they stay in cache

} // namespace

template <class T>
Result Trainer<T>::fit(const Kernels<T>& kernels, int threads, const Samples<T>& samples,
                       const Recipe& recipe, const State<T>& state, const Schedule& schedule,
                       const Watch& watch, const CustomLoss<T>* custom, const Average<T>& average) {
    Run run{kernels, samples, recipe, schedule, state, nullptr, watch, custom, average};
    execute(run, threads);
    if (run.result.status == Status::diverged && run.several) restore(run);
    return run.outcome();
}

template <class T>
Result Trainer<T>::gradients(const Kernels<T>& kernels, int threads, const Samples<T>& samples,
                             const Recipe& recipe, const Parameters<T>* gradients, const Draws& draws,
                             const Watch& watch, const CustomLoss<T>* custom) {
    const double rate = 0;
    Schedule once;
    once.batch = samples.count;
    once.seed = draws.seed, once.first_step = Index(draws.step);
    once.rates.data = &rate;
    Run run{kernels, samples, recipe, once, {}, gradients, watch, custom, {}};
    execute(run, threads);
    return run.outcome();
}

template <class T> void Trainer<T>::save(Run& run) {
    snapshot_.save(network_, run.state, run.average.values);
    run.saved_steps = run.result.steps;
    if (run.average.values) run.saved_updates = *run.average.updates;
}

template <class T> void Trainer<T>::restore(Run& run) {
    snapshot_.restore(network_, run.state, run.average.values);
    run.result.steps = run.saved_steps;
    if (run.average.values) *run.average.updates = run.saved_updates;
}

template <class T> Range Trainer<T>::samples_to_run(const Run& run) const {
    const Index count = run.samples.count, size = std::min(run.schedule.batch, count);
    const Index batches = (count + size - 1) / size, first = std::min(run.schedule.first_batch, batches);
    const Index last = first + std::min(run.schedule.batches, batches - first);
    return {std::min(first * size, count), std::min(last * size, count)};
}

template <class T> void Trainer<T>::execute(Run& run, int threads) {
    const Index count = run.samples.count, size = std::min(run.schedule.batch, count);
    const Recipe& recipe = run.recipe;
    run.part = samples_to_run(run);
    run.several = run.part.size() > size;
    const bool sparse = bool(run.samples.sparse);
    prepare_update(run, 1);
    // Rows that evict each other from the cache are better copied.
    run.gathered =
        sparse || run.schedule.reordered() || run.samples.x.stride * Index(sizeof(T)) % evicting_stride == 0;
    const double work = network_.step_work(size);
    const Index lanes = std::min(run.kernels.lanes, Index(32 / sizeof(T)));
    const double product = network_.step_time(size) / (3 * long_product * double(lanes));
    run.watched_inside = run.watch && product > 0.5 && !sparse; // whose work is but a part of that
    const bool apart =
        (run.watch && product > 1 && !sparse) || (recipe.clip_norm < unlimited && !run.only_gradients);
    const double steps = double(run.schedule.epochs) * double((run.part.size() + size - 1) / size);
    threads = thread_count(work, work_per_thread, thread_count(work * steps, work_per_new_thread, threads));

    network_.reserve(run.kernels, size, threads, apart && !run.only_gradients);
    if (apart && !run.only_gradients) run.stored = network_.stored_gradients();
    row_losses_.reserve(size);
    if (run.samples.labels) labels_.reserve(size);
    order_.in_sequence();
    if (run.schedule.shuffle) order_.reserve(count);
    if (run.gathered) {
        if (!sparse) x_.reserve(size, network_.inputs());
        if (run.samples.targets.data) targets_.reserve(size, target_columns(run));
        weight_.reserve(size);
    }
    if (sparse)
        sparse_.reserve(run.samples.sparse, count, size, network_.inputs(), network_.stages()[0].outputs,
                        threads);
    // An epoch of one batch is left before it changes anything; others need a way back. The first is saved
    // here, so that memory is found before the threads start.
    if (run.several) save(run);
    if (sparse) network_.read(&sparse_, lazy(run)); // when nothing can fail any more
    steepest::run(threads, [&](const Team& team) { train(run, team); });
    if (!sparse) return;
    network_.write_scaled({0, 1, nullptr}); // where the run was left within an epoch
    network_.read(nullptr, false);
}

template <class T> void Trainer<T>::train(Run& run, const Team& team) {
    const Index count = run.samples.count, size = std::min(run.schedule.batch, count);
    const bool leader = team.rank == 0;
    Draws draws{run.schedule.seed, std::uint64_t(run.schedule.first_step)};
    if (leader) run.result.threads = team.size;
    for (Index epoch = 0; epoch < run.schedule.epochs; ++epoch) {
        if (leader) {
            run.ended = epoch > 0 && run.plateau.reached(run.result.losses.back());
            if (!run.ended) begin_epoch(run, epoch);
        }
        if (run.schedule.reordered() || run.several || run.schedule.plateau.possible()) team.barrier();
        if (run.ended) return;
        for (Index first = run.part.begin; first < run.part.end; first += size, ++draws.step) {
            const Index batch = std::min(size, run.part.end - first);
            // The one batch of a fit without shuffles is the same in each epoch.
            const bool again = epoch > 0 && !run.schedule.reordered() && !run.several;
            if (!step(run, team, first, batch, again, draws)) return;
            if (network_.lazy()) settle(team, first + size >= run.part.end);
            if (leader) run.epochs_done = double(epoch) + double(first + batch) / double(count);
        }
        if (!leader) continue;
        const auto now = Clock::now();
        run.result.losses.push_back(run.sums.mean());
        run.result.seconds.push_back(std::chrono::duration<double>(now - run.epoch_start).count());
        run.epoch_start = now;
    }
}

// Whether the update of a sparse first layer is one that scales its weight, by not too little.
template <class T> bool Trainer<T>::lazy(const Run& run) const {
    const Recipe& recipe = run.recipe;
    const Optimizer& o = recipe.optimizer;
    const bool plain = o.rule == Rule::sgd && o.momentum == 0 && !run.only_gradients && !run.average.values;
    const bool bounded =
        recipe.clip_value < unlimited || recipe.clip_norm < unlimited || recipe.max_norm < unlimited;
    if (!run.samples.sparse || !plain || bounded || recipe.penalty_by_batch || recipe.penalties.empty())
        return false;
    const Penalty& penalty = recipe.penalties[0];
    const Index size = std::min(run.schedule.batch, run.samples.count);
    const Index steps =
        run.schedule.rates.constant ? 1 : run.schedule.epochs * ((run.part.size() + size - 1) / size);
    double most = 0;
    for (Index step = 0; step < steps; ++step) most = std::max(most, run.schedule.rates[step]);
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

template <class T> void Trainer<T>::begin_epoch(Run& run, Index epoch) {
    run.sums = {};
    run.result.sums = run.schedule.before;
    if (run.schedule.shuffle)
        order_.shuffle(run.samples.count, run.schedule.seed, std::uint64_t(run.schedule.first_epoch + epoch));
    if (run.schedule.orders) order_.as_given(run.schedule.orders + epoch * run.samples.count);
    if (epoch > 0 && run.several) save(run);
}

template <class T> void Trainer<T>::prepare_update(const Run& run, double penalty_share) {
    const Recipe& recipe = run.recipe;
    const Schedule& schedule = run.schedule;
    const Index step = run.result.steps, age = schedule.first_step + step - schedule.zero_step;
    const double rate = schedule.rates[step];
    updates_.biases = update_with<T>(recipe.optimizer, recipe.clip_value, rate, age);
    updates_.weights.resize(network_.parameters().size());
    for (std::size_t d = 0; d < updates_.weights.size(); ++d) {
        const Penalty penalty = recipe.penalties.empty() ? Penalty{} : recipe.penalties[d];
        updates_.weights[d] = of_weights<T>(updates_.biases, recipe.optimizer, penalty * penalty_share, rate);
    }
    if (network_.lazy())
        updates_.weights[0] = network_.put_off(updates_.weights[0], rate, recipe.penalties[0].l2);
}

// One batch: samples [first, first + size) in the epoch's order. Returns false, the same in every thread,
// if the run must end; nothing has been updated then.
template <class T>
bool Trainer<T>::step(Run& run, const Team& team, Index first, Index size, bool again, const Draws& draws) {
    const bool leader = team.rank == 0;
    const auto& kernels = run.kernels;
    Batch batch = look_up(run, first, size);
    batch.gather = run.gathered && !again;
    // Who computes the loss takes unknown time, and is called seldom enough to look after each time.
    const double work = run.custom ? work_between_looks : network_.step_work(size) / double(team.size);
    Stop stop;
    if (run.watched_inside)
        stop = [&] {
            if (leader) run.look(work_between_looks);
            return run.stop.load(std::memory_order_relaxed);
        };

    forward_and_backward(run, team, batch, first, draws, stop);
    if (!run.recipe.penalties.empty()) network_.penalise(kernels, team, run.recipe.penalties);
    if (leader && !run.watched_inside) run.look(work);
    const bool by_batch = run.recipe.penalty_by_batch && !run.recipe.penalties.empty();
    const bool same_update = run.schedule.rates.constant && run.recipe.optimizer.rule != Rule::adam;
    if (leader && (by_batch || network_.lazy() || (!same_update && run.result.steps > 0)))
        prepare_update(run, penalty_share(run, batch));
    if (leader && run.average.values) run.share = run.average.next_share();
    team.barrier();

    const Parameters<T>* stored = run.only_gradients    ? run.only_gradients
                                  : !run.stored.empty() ? run.stored.data()
                                                        : nullptr;
    if (stored) {
        network_.learn(kernels, team, batch.samples.x, size, updates_, {}, stored, stop);
        team.barrier();
    }
    const bool measured = run.recipe.clip_norm < unlimited && !run.only_gradients;
    if (measured) {
        network_.measure(kernels, team, stored, run.recipe.clip_value);
        team.barrier();
    }
    if (run.stop.load(std::memory_order_relaxed)) {
        if (leader) run.result.status = Status::cancelled;
        return false;
    }
    const double loss = objective(run, batch);
    if (leader) run.result.loss = loss;
    if (run.only_gradients) return true;
    if (!std::isfinite(loss)) {
        if (leader) run.result.status = Status::diverged, run.result.step = first / run.schedule.batch;
        return false;
    }
    update(run, team, batch, stored, stop);
    if (leader) {
        ++run.result.steps;
        const double share_of_epoch = run.recipe.loss.sum        ? 1
                                      : run.recipe.mean_by_count ? double(size)
                                                                 : batch.weight;
        run.sums.add(share_of_epoch, loss);
        run.result.sums.add(share_of_epoch, loss);
    }
    return true;
}

// From the gradients of a finished backward pass, or those stored and measured, to the next step's
// parameters.
template <class T>
void Trainer<T>::update(Run& run, const Team& team, const Batch& batch, const Parameters<T>* stored,
                        const Stop& stop) {
    const auto& kernels = run.kernels;
    const double limit = run.recipe.clip_norm, norm = limit < unlimited ? network_.gradient_norm() : 0;
    if (stored)
        network_.apply(kernels, team, updates_, run.state, stored, norm > limit ? limit / norm : 1);
    else
        network_.learn(kernels, team, batch.samples.x, batch.samples.count, updates_, run.state, nullptr,
                       stop);
    network_.learn_statistics(team);
    team.barrier();
    if (run.recipe.max_norm < unlimited) {
        network_.constrain(kernels, team, run.recipe.max_norm);
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
                                      const Draws& draws, const Stop& stop) {
    const auto& kernels = run.kernels;
    const Rows<const T> x = batch.samples.x;
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
        network_.forward(kernels, team, x, rows, draws);
        score(run, batch, rows);
        network_.backward(kernels, team, x, rows, draws);
    }
}

template class Trainer<float>;
template class Trainer<double>;

} // namespace steepest
