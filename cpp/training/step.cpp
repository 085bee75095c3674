// Compute: one step of a run, phase by phase.
#include "network/norms.hpp"
#include "network/update.hpp"
#include "training/run.hpp"

#include <algorithm>
#include <cmath>

namespace steepest {
namespace {

constexpr Index block_rows = 256; // rows that go forward and back together, so that they stay in cache

} // namespace

template <class T> bool Run<T>::step(const Context<T>& context, const Batch<T>& batch) {
    evaluate(context, batch);
    if (!job_.config.penalties.empty()) make_penalty_terms(network_, context, job_.config.penalties);
    if (context.team.rank == 0) prepare_step(context, batch);
    const Parameters<T>* const stored = gradients(context, batch);
    context.team.barrier([&] {
        go_ = decide(batch);
        if (go_ && memory_.updates.renewed) network_.lazy_weight().renew_terms();
    });
    if (!go_ || job_.only_gradients) return go_;
    update(context, batch, stored);
    if (context.team.rank == 0) record(batch);
    return true;
}

template <class T> void Run<T>::evaluate(const Context<T>& context, const Batch<T>& batch) {
    const Team& team = context.team;
    const Range mine = row_chunk(batch.samples.count, 1, team);
    if (network_.needs_transposes()) {
        network_.transpose(context.kernels, team);
        team.barrier();
    }
    if (job_.custom || network_.plan().splits_columns(team.size, batch.samples.count))
        evaluate_columns(context, batch, mine);
    else
        evaluate_rows(context, batch, mine);
}

template <class T>
void Run<T>::evaluate_columns(const Context<T>& context, const Batch<T>& batch, Range mine) {
    const Passes<T> passes(network_, context, batch.samples.x, batch.samples.count);
    if (batch.gather) gather(batch, mine);
    passes.forward_columns(mine);
    if (job_.custom)
        evaluate_custom_loss(context, batch, mine);
    else
        evaluate_loss(batch, mine);
    passes.backward_columns(mine);
}

template <class T> void Run<T>::evaluate_rows(const Context<T>& context, const Batch<T>& batch, Range mine) {
    const Passes<T> passes(network_, context, batch.samples.x, batch.samples.count);
    for (Index i = mine.begin; i < mine.end && !context.stopped(); i += block_rows) {
        const Range rows{i, std::min(i + block_rows, mine.end)};
        if (batch.gather) gather(batch, rows);
        passes.forward(rows);
        evaluate_loss(batch, rows);
        passes.backward(rows);
    }
}

template <class T> void Run<T>::prepare_step(const Context<T>& context, const Batch<T>& batch) {
    const TrainConfig& config = job_.config;
    // Who computes the loss takes unknown time, and is called seldom enough to poll after each time.
    if (!polled_inside_)
        poller_.poll(job_.custom
                         ? work_between_polls
                         : network_.plan().step_work(batch.samples.count) / double(context.team.size));
    const bool by_batch = config.penalty_by_batch && !config.penalties.empty();
    const bool same_update = job_.request.rates.constant && !traits_of(config.optimizer.rule).depends_on_age;
    if (by_batch || network_.lazy_weight().active() || (!same_update && result_.steps > 0))
        prepare_update(penalty_share(batch));
    if (job_.average.values) average_weight_ = job_.average.next_weight();
}

template <class T> void Run<T>::prepare_update(double penalty_share) {
    const TrainConfig& config = job_.config;
    const FitRequest& request = job_.request;
    Updates<T>& updates = memory_.updates;
    const Index step = result_.steps, age = request.first_step + step - request.state_start;
    const double rate = request.rates[step];
    const PreparedUpdate<T> prepared(config.optimizer, config.clip_value, rate, age,
                                     request.restorable ? nullptr : &overflow_);
    updates.biases = prepared.of_biases(), updates.lazy = is_lazy(config.optimizer);
    updates.renewed = renews_terms() ? config.penalties.data() : nullptr;
    updates.weights.resize(network_.parameters().size());
    for (std::size_t d = 0; d < updates.weights.size(); ++d) {
        const Penalty penalty = config.penalties.empty() ? Penalty{} : config.penalties[d];
        updates.weights[d] = prepared.of_weights(penalty * penalty_share);
    }
    LazyWeight<T>& lazy = network_.lazy_weight();
    if (lazy.active()) updates.weights[0] = lazy.prepare(updates.weights[0], rate, penalty_share);
}

template <class T> const Parameters<T>* Run<T>::gradients(const Context<T>& context, const Batch<T>& batch) {
    const Parameters<T>* const stored = job_.only_gradients ? job_.only_gradients
                                        : !stored_.empty()  ? stored_.data()
                                                            : nullptr;
    if (stored) {
        context.team.barrier();
        update_parameters(network_, context, batch.samples.x,
                          {batch.samples.count, memory_.updates, OptimizerState<T>{}, stored});
    }
    if (job_.config.clip_norm < unlimited && !job_.only_gradients) {
        context.team.barrier();
        make_gradient_norm_terms(network_, context, stored, job_.config.clip_value);
    }
    return stored;
}

// In one order, whoever adds up.
template <class T> double Run<T>::objective(const Batch<T>& batch) const {
    const TrainConfig& config = job_.config;
    double loss = 0;
    if (job_.custom) {
        loss = custom_loss_;
    } else {
        for (Index i = 0; i < batch.samples.count; ++i) loss += memory_.row_losses.data()[i];
        if (!config.loss.sum) loss = batch.weight > 0 ? loss / batch.weight : 0;
    }
    loss *= config.report_scale;
    return config.penalties.empty() ? loss : loss + penalty_value(network_) * penalty_share(batch);
}

// By one thread, since the caller's arrays may change, and of threads that each decided some would go on and
// wait for the others for ever.
template <class T> bool Run<T>::decide(const Batch<T>& batch) {
    if (poller_.stopped()) {
        result_.status = Status::cancelled;
        return false;
    }
    if (const Index sample = invalid_label_.load(std::memory_order_relaxed); sample >= 0) {
        result_.status = Status::invalid_label, result_.step = sample;
        return false;
    }
    result_.loss = objective(batch);
    if (job_.only_gradients || std::isfinite(result_.loss)) return true;
    result_.status = Status::diverged, result_.step = batch.first / job_.request.batch;
    return false;
}

template <class T>
void Run<T>::update(const Context<T>& context, const Batch<T>& batch, const Parameters<T>* stored) {
    const Team& team = context.team;
    const double limit = job_.config.clip_norm, norm = limit < unlimited ? gradient_norm(network_) : 0;
    if (stored)
        apply_gradients(network_, context, memory_.updates, job_.state, stored,
                        norm > limit ? limit / norm : 1);
    else
        update_parameters(network_, context, batch.samples.x,
                          {batch.samples.count, memory_.updates, job_.state, nullptr});
    update_statistics(network_, context);
    team.barrier();
    if (job_.config.max_norm < unlimited) {
        limit_column_norms(network_, context, job_.config.max_norm);
        team.barrier();
    }
    if (job_.average.values) {
        if (average_weight_ > 0) update_average(network_, context, job_.average.values, T(average_weight_));
        team.barrier(); // before the parameters change again, or the average is saved
        if (team.rank == 0) ++*job_.average.updates;
    }
}

template <class T> void Run<T>::record(const Batch<T>& batch) {
    ++result_.steps;
    const double share = job_.config.loss.sum        ? 1
                         : job_.config.mean_by_count ? double(batch.samples.count)
                                                     : batch.weight;
    sums_.add(share, result_.loss);
    result_.sums.add(share, result_.loss);
}

template bool Run<float>::step(const Context<float>&, const Batch<float>&);
template bool Run<double>::step(const Context<double>&, const Batch<double>&);
template void Run<float>::prepare_update(double);
template void Run<double>::prepare_update(double);

} // namespace steepest
