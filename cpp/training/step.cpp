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
    const Passes<T> passes(network_, context, batch.samples.x, batch.samples.count);
    // Whether gradients are announced on the way back, and else, if shares split its rows, after it.
    const bool on_the_way = whole_.on_gradient && by_columns(batch.samples.count);
    if (on_the_way) prepare_step(batch);
    evaluate(passes, context, batch);
    if (!job_.config.penalties.empty())
        team_->then([this, &context](const Share& share) {
            make_penalty_terms(network_, context.of(share), job_.config.penalties);
        });
    if (!on_the_way) prepare_step(batch);
    const Parameters<T>* const stored = on_the_way ? nullptr : gradients(context, batch);
    team_->barrier();
    const bool go = decide(batch);
    if (go && memory_.updates.renewed) network_.lazy_weight().renew_terms();
    if (!go || job_.only_gradients) return go;
    update(context, batch, stored);
    record(batch);
    return true;
}

template <class T> bool Run<T>::by_columns(Index samples) const {
    return job_.custom || network_.plan().splits_columns(whole_.on_gradient ? 2 : team_->shares(), samples);
}

template <class T>
void Run<T>::evaluate(const Passes<T>& passes, const Context<T>& context, const Batch<T>& batch) {
    const bool arranges = network_.needs_arranging();
    if (arranges) team_->then([this](const Share& share) { network_.arrange(job_.kernels, share); });
    if (by_columns(batch.samples.count)) return evaluate_columns(passes, context, batch, !arranges);
    if (arranges) team_->barrier();
    team_->then([this, &context, &batch](const Share& share) {
        evaluate_rows(context.of(share), batch, row_chunk(batch.samples.count, 1, share));
    });
}

template <class T>
void Run<T>::evaluate_columns(const Passes<T>& passes, const Context<T>& context, const Batch<T>& batch,
                              bool ready) {
    const auto rows = [&batch](const Share& share) { return row_chunk(batch.samples.count, 1, share); };
    if (batch.gather) team_->then([=, this, &batch](const Share& share) { gather(batch, rows(share)); });
    passes.forward_columns(*team_, ready);
    if (job_.custom)
        evaluate_custom_loss(batch);
    else
        team_->then([=, this, &batch](const Share& share) { evaluate_loss(batch, rows(share)); });
    if (!whole_.on_gradient) return passes.backward_columns(*team_);
    passes.backward_columns(*team_, [&](std::size_t s) { announce_gradient(context, batch, s); });
}

template <class T>
void Run<T>::announce_gradient(const Context<T>& context, const Batch<T>& batch, std::size_t s) {
    if (!network_.plan()[s].has_parameters()) return;
    team_->barrier();
    team_->each_share([this, &context, &batch, s](const Share& share) {
        update_stage(network_, context.of(share), batch.samples.x, s,
                     {batch.samples.count, memory_.updates, OptimizerState<T>{}, job_.only_gradients});
    });
    whole_.on_gradient(network_.plan().parameter_index(s));
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

template <class T> void Run<T>::prepare_step(const Batch<T>& batch) {
    const TrainConfig& config = job_.config;
    // Who computes the loss takes unknown time, and is called seldom enough to poll after each time.
    if (!polled_inside_)
        poller_.poll(job_.custom ? work_between_polls
                                 : network_.plan().step_work(batch.samples.count) / team_->threads());
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
    const auto prepare = [&](double factor) {
        return PreparedUpdate<T>(config.optimizer, config.clip_value, rate * factor, age,
                                 request.restorable ? nullptr : &overflow_);
    };
    PreparedUpdate<T> prepared = prepare(1);
    updates.lazy = is_lazy(config.optimizer);
    updates.renewed = renews_terms() ? config.penalties.data() : nullptr;
    updates.weights.resize(network_.parameters().size()), updates.biases.resize(updates.weights.size());
    updates.frozen.clear();
    for (const double factor : config.rate_factors) updates.frozen.push_back(factor == 0);
    for (std::size_t d = 0; d < updates.weights.size(); ++d) {
        const Penalty penalty = config.penalties.empty() ? Penalty{} : config.penalties[d];
        if (!config.rate_factors.empty()) prepared = prepare(config.rate_factors[d]);
        updates.biases[d] = prepared.of_biases();
        updates.weights[d] = prepared.of_weights(penalty * penalty_share);
    }
    LazyWeight<T>& lazy = network_.lazy_weight();
    if (lazy.active()) updates.weights[0] = lazy.prepare(updates.weights[0], rate, penalty_share);
}

template <class T> const Parameters<T>* Run<T>::gradients(const Context<T>& context, const Batch<T>& batch) {
    const Parameters<T>* const stored = job_.only_gradients ? job_.only_gradients
                                        : !stored_.empty()  ? stored_.data()
                                                            : nullptr;
    if (whole_.on_gradient) {
        for (std::size_t s = network_.plan().size(); s-- > network_.plan().first_parametric();)
            announce_gradient(context, batch, s);
    } else if (stored) {
        team_->barrier();
        team_->then([this, &context, &batch, stored](const Share& share) {
            update_parameters(network_, context.of(share), batch.samples.x,
                              {batch.samples.count, memory_.updates, OptimizerState<T>{}, stored});
        });
    }
    if (job_.config.clip_norm < unlimited && !job_.only_gradients) {
        team_->barrier();
        add_norm_terms(context, stored);
    }
    return stored;
}

template <class T> void Run<T>::add_norm_terms(const Context<T>& context, const Parameters<T>* stored) {
    team_->then([this, &context, stored](const Share& share) {
        make_gradient_norm_terms(network_, context.of(share), memory_.updates, stored,
                                 job_.config.clip_value);
    });
}

// In one order, whoever adds up.
template <class T> double Run<T>::objective(const Batch<T>& batch) const {
    const TrainConfig& config = job_.config;
    double loss = 0;
    if (job_.custom) {
        loss = custom_loss_;
    } else {
        for (Index i = 0; i < batch.samples.count; ++i) loss += memory_.row_losses.data()[i];
        if (job_.sample_scale > 0)
            loss *= job_.sample_scale;
        else if (!config.loss.sum)
            loss = batch.weight > 0 ? loss / batch.weight : 0;
    }
    loss *= config.report_scale;
    return config.penalties.empty() ? loss : loss + penalty_value(network_) * penalty_share(batch);
}

template <class T> bool Run<T>::decide(const Batch<T>& batch) {
    if (poller_.stopped()) {
        result_.status = Status::cancelled;
        return false;
    }
    if (const Index place = invalid_label_.load(std::memory_order_relaxed); place >= 0) {
        result_.status = Status::invalid_label, result_.step = memory_.order[place];
        return false;
    }
    result_.loss = objective(batch);
    if (job_.only_gradients || std::isfinite(result_.loss)) return true;
    result_.status = Status::diverged, result_.step = batch.first / job_.request.batch;
    return false;
}

template <class T>
void Run<T>::update(const Context<T>& context, const Batch<T>& batch, const Parameters<T>* stored) {
    const double limit = job_.config.clip_norm,
                 norm = limit < unlimited ? gradient_norm(network_, memory_.updates) : 0;
    const double scale = norm > limit ? limit / norm : 1;
    team_->then([this, &context, &batch, stored, scale](const Share& share) {
        const Context<T> own = context.of(share);
        if (stored)
            apply_gradients(network_, own, memory_.updates, job_.state, stored, scale);
        else
            update_parameters(network_, own, batch.samples.x,
                              {batch.samples.count, memory_.updates, job_.state, nullptr});
        if (batch.samples.count > 0 || job_.statistics) update_statistics(network_, own, job_.statistics);
    });
    team_->barrier();
    if (job_.config.max_norm < unlimited) {
        team_->then([this, &context](const Share& share) {
            limit_column_norms(network_, context.of(share), memory_.updates, job_.config.max_norm);
        });
        team_->barrier();
    }
    if (!job_.average.values) return;
    if (average_weight_ > 0)
        team_->then([this, &context](const Share& share) {
            update_average(network_, context.of(share), job_.average.values, T(average_weight_));
        });
    team_->barrier(); // before the parameters change again, or the average is saved
    ++*job_.average.updates;
}

template <class T> Result Run<T>::update_by(const Parameters<T>* gradients, int threads) {
    const bool bounded = job_.config.clip_norm < unlimited;
    double work = 0; // about ten operations for each parameter
    for (const Stage& stage : network_.plan().stages())
        if (stage.has_parameters()) work += 10 * double(stage.weight_rows() + 1) * double(stage.outputs);
    team_.emplace(thread_count(work, work_per_thread, threads), work);
    if (bounded) network_.reserve_norm_terms();
    result_.threads = team_->threads();
    prepare_update(1);
    const Context<T> context{.kernels = job_.kernels};
    if (job_.average.values) average_weight_ = job_.average.next_weight();
    if (bounded) add_norm_terms(context, gradients);
    team_->barrier();
    update(context, {}, gradients);
    result_.steps = 1;
    inspect(context);
    if (nonfinite_ || overflow_) result_.status = Status::overflowed;
    return std::move(result_);
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
template Result Run<float>::update_by(const Parameters<float>*, int);
template Result Run<double>::update_by(const Parameters<double>*, int);
template void Run<float>::prepare_update(double);
template void Run<double>::prepare_update(double);

} // namespace steepest
