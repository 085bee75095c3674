#include "trainer.hpp"

#include "random.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

namespace steepest {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto watch_interval = std::chrono::milliseconds(20);
constexpr double work_between_looks = 2e6; // multiply-adds before the clock is read again, about 20 us
// A product of more work than this for each lane of a vector, some 20 to 40 ms on one thread, is a long one:
// the update is then kept apart from the gradients, so that a step can be left before anything has changed.
// Vectors beyond 32 bytes are not always faster, and so do not count.
constexpr double long_product = 190e6;
constexpr Index block_rows = 256; // rows that go forward and back together, so that they stay in cache

} // namespace

// All that the threads of one call share.
template <class T> struct Trainer<T>::Run {
    const Kernels<T>& kernels;
    const Samples<T>& samples;
    const Recipe& recipe;
    const Schedule& schedule;
    const State<T> state;
    const Parameters<T>* only_gradients; // store these and update nothing
    const Watch& watch;
    const CustomLoss<T>* custom;
    const Average<T> average;

    Range part{};                           // of the samples in an epoch's order
    bool several = false;                   // batches in it
    bool gathered = false;                  // batches are copied; otherwise they lie in order in the samples
    bool watched_inside = false;            // a step of long products, or near it
    std::vector<Parameters<T>> stored = {}; // the gradients of a step of long products
    std::atomic<bool> stop{false};
    std::atomic<Index> mislabelled{-1}; // a sample
    double custom_loss = 0;             // of the batch; written by rank 0, between barriers

    // Of rank 0 alone:
    Result result{};
    Index saved_steps = 0; // those done when the snapshot was taken
    Sums sums{};           // of this run's batches in the epoch
    double epochs_done = 0, work_since_look = 0;
    double share = 0;               // of the next parameters in the average; read by all between barriers
    std::int64_t saved_updates = 0; // of the average, when the snapshot was taken
    Clock::time_point last_look = Clock::now(), epoch_start = Clock::now();

    Result outcome() {
        const Index sample = mislabelled.load();
        if (sample >= 0 && result.status != Status::cancelled)
            result.status = Status::mislabelled, result.step = sample;
        return std::move(result);
    }

    void look(double work) {
        if (!watch || (work_since_look += work) < work_between_looks) return;
        work_since_look = 0;
        const auto now = Clock::now();
        if (now - last_look < watch_interval) return;
        last_look = now;
        if (watch(epochs_done)) stop.store(true, std::memory_order_relaxed);
    }
};

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
    prepare_update(run);
    // Rows that evict each other from the cache are better copied.
    run.gathered = run.schedule.shuffle || run.samples.x.stride * Index(sizeof(T)) % evicting_stride == 0;
    const double work = network_.step_work(size);
    const Index lanes = std::min(run.kernels.lanes, Index(32 / sizeof(T)));
    const double product = network_.step_time(size) / (3 * long_product * double(lanes));
    run.watched_inside = run.watch && product > 0.5;
    const bool apart = (run.watch && product > 1) || (recipe.clip_norm < unlimited && !run.only_gradients);
    const double steps = double(run.schedule.epochs) * double((run.part.size() + size - 1) / size);
    threads = thread_count(work, work_per_thread, thread_count(work * steps, work_per_new_thread, threads));

    network_.reserve(run.kernels, size, threads, apart && !run.only_gradients);
    if (apart) run.stored = network_.stored_gradients();
    row_losses_.reserve(size);
    if (run.samples.labels) labels_.reserve(size);
    order_.in_sequence();
    if (run.schedule.shuffle) order_.reserve(count);
    if (run.gathered) {
        x_.reserve(size, network_.inputs());
        if (run.samples.targets.data) targets_.reserve(size, target_columns(run));
        weight_.reserve(size);
    }
    // An epoch of one batch is left before it changes anything; others need a way back. The first is saved
    // here, so that memory is found before the threads start.
    if (run.several) save(run);
    steepest::run(threads, [&](const Team& team) { train(run, team); });
}

template <class T> void Trainer<T>::train(Run& run, const Team& team) {
    const Index count = run.samples.count, size = std::min(run.schedule.batch, count);
    const bool leader = team.rank == 0;
    Draws draws{run.schedule.seed, std::uint64_t(run.schedule.first_step)};
    if (leader) run.result.threads = team.size;
    for (Index epoch = 0; epoch < run.schedule.epochs; ++epoch) {
        if (leader) begin_epoch(run, epoch);
        if (run.schedule.shuffle || run.several) team.barrier();
        for (Index first = run.part.begin; first < run.part.end; first += size, ++draws.step) {
            const Index batch = std::min(size, run.part.end - first);
            // The one batch of a fit without shuffles is the same in each epoch.
            const bool again = epoch > 0 && !run.schedule.shuffle && !run.several;
            if (!step(run, team, first, batch, again, draws)) return;
            if (leader) run.epochs_done = double(epoch) + double(first + batch) / double(count);
        }
        if (!leader) continue;
        const auto now = Clock::now();
        run.result.losses.push_back(run.sums.mean());
        run.result.seconds.push_back(std::chrono::duration<double>(now - run.epoch_start).count());
        run.epoch_start = now;
    }
}

template <class T> void Trainer<T>::begin_epoch(Run& run, Index epoch) {
    run.sums = {};
    run.result.sums = run.schedule.before;
    if (run.schedule.shuffle)
        order_.shuffle(run.samples.count, run.schedule.seed, std::uint64_t(run.schedule.first_epoch + epoch));
    if (epoch > 0 && run.several) save(run);
}

template <class T> void Trainer<T>::prepare_update(const Run& run) {
    const Recipe& recipe = run.recipe;
    const Schedule& schedule = run.schedule;
    const Index step = run.result.steps, age = schedule.first_step + step - schedule.zero_step;
    const double rate = schedule.rates[step];
    updates_.biases = update_with<T>(recipe.optimizer, recipe.clip_value, rate, age);
    updates_.weights.resize(network_.parameters().size());
    for (std::size_t d = 0; d < updates_.weights.size(); ++d)
        updates_.weights[d] = of_weights<T>(updates_.biases, recipe.optimizer,
                                            recipe.penalties.empty() ? Penalty{} : recipe.penalties[d], rate);
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
    const bool same_update = run.schedule.rates.constant && run.recipe.optimizer.rule != Rule::adam;
    if (leader && !same_update && run.result.steps > 0) prepare_update(run);
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
    const double norm = measured ? network_.gradient_norm() : 0;
    const double scale = measured && norm > run.recipe.clip_norm ? run.recipe.clip_norm / norm : 1;
    if (stored)
        network_.apply(kernels, team, updates_, run.state, stored, scale);
    else
        network_.learn(kernels, team, batch.samples.x, size, updates_, run.state, nullptr, stop);
    network_.learn_statistics(team);
    team.barrier();
    if (run.recipe.max_norm < unlimited) {
        network_.constrain(kernels, team, run.recipe.max_norm);
        team.barrier();
    }
    if (run.average.values) {
        if (run.share > 0) take_in(kernels, team, network_, run.average.values, T(run.share));
        team.barrier(); // before the parameters change again, or the average is saved
        if (leader) ++*run.average.updates;
    }
    if (leader) {
        ++run.result.steps;
        const double share_of_epoch = run.recipe.loss.sum ? 1 : batch.weight;
        run.sums.add(share_of_epoch, loss);
        run.result.sums.add(share_of_epoch, loss);
    }
    return true;
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

// Every thread adds up the same numbers in the same order, and so all come to the same decision.
template <class T> double Trainer<T>::objective(const Run& run, const Batch& batch) const {
    double loss = 0;
    if (run.custom) {
        loss = run.custom_loss;
    } else {
        for (Index i = 0; i < batch.samples.count; ++i) loss += row_losses_.data()[i];
        if (!run.recipe.loss.sum) loss = batch.weight > 0 ? loss / batch.weight : 0;
    }
    return run.recipe.penalties.empty() ? loss : loss + network_.penalty_value();
}

template <class T>
typename Trainer<T>::Batch Trainer<T>::look_up(const Run& run, Index first, Index size) const {
    const Samples<T>& all = run.samples;
    const std::int64_t* const labels = all.labels ? labels_.data() : nullptr;
    Batch batch{};
    batch.first = first;
    if (run.gathered)
        batch.samples = {read_only(x_.rows()), labels,
                         all.targets.data ? read_only(targets_.rows()) : Rows<const T>{},
                         all.weight ? weight_.data() : nullptr, size};
    else
        batch.samples = {from(all.x, first), labels, from(all.targets, first),
                         all.weight ? all.weight + first : nullptr, size};
    if (!all.weight) {
        batch.weight = double(size);
    } else {
        for (Index i = first; i < first + size; ++i) batch.weight += double(all.weight[order_[i]]);
    }
    batch.scale = run.recipe.loss.sum ? 1 : batch.weight > 0 ? 1 / batch.weight : 0;
    return batch;
}

template <class T> void Trainer<T>::gather(const Run& run, Index first, Range rows) {
    const Samples<T>& all = run.samples;
    for (Index i = rows.begin; i < rows.end; ++i) {
        const Index from = order_[first + i];
        std::copy_n(all.x.data + from * all.x.stride, network_.inputs(), x_.row(i));
        if (all.targets.data)
            std::copy_n(all.targets.data + from * all.targets.stride, target_columns(run), targets_.row(i));
        if (all.weight) weight_.data()[i] = all.weight[from];
    }
}

// Copies labels of the batch; false if one is out of range, which is replaced. Each is read once and used as
// it was checked, since it may change at any moment. To a loss of the program's own all labels are valid.
template <class T> bool Trainer<T>::copy_labels(Run& run, Index first, Range rows) {
    bool all_valid = true;
    const bool any = run.custom;
    const volatile std::int64_t* const given = run.samples.labels;
    for (Index i = rows.begin; i < rows.end; ++i) {
        const Index sample = order_[first + i];
        const std::int64_t label = given[sample];
        const bool valid = any || (label >= 0 && label < network_.outputs());
        labels_.data()[i] = valid ? label : 0;
        if (valid) continue;
        run.mislabelled.store(sample, std::memory_order_relaxed);
        all_valid = false;
    }
    return all_valid;
}

template <class T> void Trainer<T>::score(Run& run, const Batch& batch, Range rows) {
    const Samples<T>& s = batch.samples;
    const Index i = rows.begin;
    const bool valid = !s.labels || copy_labels(run, batch.first, rows);
    run.kernels.loss({run.recipe.loss.kind, T(run.recipe.loss.parameter), from(network_.scores(), i),
                      s.labels ? s.labels + i : nullptr, from(s.targets, i),
                      s.weight ? s.weight + i : nullptr, batch.scale, from(network_.score_gradients(), i),
                      row_losses_.data() + i, rows.size(), network_.outputs()});
    // An objective that is not finite keeps the batch from being learned.
    if (!valid) row_losses_.data()[i] = std::numeric_limits<double>::quiet_NaN();
}

// A loss of the program's own, of all rows. An unfinished forward pass, left for `stop`, has no scores.
template <class T>
void Trainer<T>::score_together(Run& run, const Team& team, const Batch& batch, Range mine) {
    const Samples<T>& s = batch.samples;
    if (s.labels) copy_labels(run, batch.first, mine);
    team.barrier();
    if (team.rank == 0 && !run.stop.load(std::memory_order_relaxed)) {
        const Scored<T> scored{network_.scores(), s.labels, s.targets, network_.score_gradients(), s.count};
        if (!run.custom->compute(scored, &run.custom_loss)) run.stop.store(true, std::memory_order_relaxed);
    }
    team.barrier();
}

template <class T> Index Trainer<T>::target_columns(const Run& run) const {
    return run.custom ? run.custom->target_columns : network_.outputs();
}

template class Trainer<float>;
template class Trainer<double>;

} // namespace steepest
