// Compute: the epochs of a run, and going back to where they were good.
#include "network/norms.hpp"
#include "training/run.hpp"

#include <utility>

namespace steepest {

template <class T> Result Run<T>::execute(int threads) {
    reserve(plan(threads));
    if (job_.request.restorable) save(0); // so that memory is found before the threads start
    do {
        prepare_update(1);
        first_epoch_ = saved_epoch_, first_step_ = result_.steps;
        run_epochs();
    } while (go_back());
    return std::move(result_);
}

template <class T> void Run<T>::run_epochs() {
    const bool sparse = bool(job_.samples.sparse);
    const SparseReading<T> reading(network_, sparse ? &memory_.sparse : nullptr);
    if (sparse && can_be_lazy()) begin_lazy();
    train();
    network_.lazy_weight().flush(Share{}); // where the run was left within an epoch
}

template <class T> bool Run<T>::go_back() {
    if (!nonfinite_ && !overflow_) {
        const bool refused = result_.status == Status::diverged || result_.status == Status::invalid_label;
        if (refused && several_) restore();
        return false;
    }
    const bool last = epochs_between_snapshots_ == 1 || !job_.request.restorable;
    if (job_.request.restorable) restore();
    nonfinite_ = false, invalid_label_ = -1;
    result_.status = last ? Status::overflowed : Status::finished;
    epochs_between_snapshots_ = 1;
    return !last;
}

template <class T> void Run<T>::save(Index epoch) {
    memory_.snapshot.save(network_, job_.state, job_.average.values);
    saved_epoch_ = epoch, saved_steps_ = result_.steps, saved_plateau_ = plateau_;
    if (job_.average.values) saved_updates_ = *job_.average.updates;
}

template <class T> void Run<T>::restore() {
    memory_.snapshot.restore(network_, job_.state, job_.average.values);
    result_.steps = saved_steps_, plateau_ = saved_plateau_;
    if (job_.average.values) *job_.average.updates = saved_updates_;
    result_.losses.resize(std::size_t(saved_epoch_));
    result_.seconds.resize(std::size_t(saved_epoch_));
}

template <class T> void Run<T>::train() {
    const FitRequest& request = job_.request;
    const Index count = job_.samples.count, size = batch_size();
    Context<T> context{.kernels = job_.kernels,
                       .key = {request.seed, std::uint64_t(request.first_step + first_step_)},
                       .should_stop = polled_inside_ ? poller_.should_stop(0) : ShouldStop(),
                       .whole = job_.whole ? &whole_ : nullptr};
    result_.threads = team_->threads();
    for (Index epoch = first_epoch_; epoch < request.epochs; ++epoch) {
        if (!enter_epoch(context, epoch)) break;
        // The one batch of a fit without shuffles is the same in each epoch.
        const bool again = epoch > first_epoch_ && !request.reordered() && !several_;
        for (Index first = part_.begin; first < part_.end; first += size, ++context.key.step) {
            Batch<T> batch = batch_at(first, std::min(size, part_.end - first));
            batch.gather = gathered_ && !again;
            if (!step(context, batch)) return leave(context);
            if (network_.lazy_weight().active()) commit_lazy(first + size >= part_.end);
            poller_.done = double(epoch) + double(first + batch.samples.count) / double(count);
        }
        end_epoch();
    }
    leave(context);
}

template <class T> void Run<T>::leave(const Context<T>& context) {
    if (!job_.only_gradients) inspect(context);
}

template <class T> void Run<T>::inspect(const Context<T>& context) {
    team_->each_share([this, &context](const Share& share) {
        if (!all_finite(network_, context.of(share), job_.request.restorable, job_.state,
                        job_.average.values))
            nonfinite_ = true;
    });
}

template <class T> bool Run<T>::enter_epoch(const Context<T>& context, Index epoch) {
    const bool due = epoch > first_epoch_ && (epoch - first_epoch_) % epochs_between_snapshots_ == 0;
    if (due) inspect(context);
    return begin_epoch(epoch, due);
}

template <class T> bool Run<T>::begin_epoch(Index epoch, bool inspected) {
    const FitRequest& request = job_.request;
    if (inspected && nonfinite_) return false;
    if (epoch > first_epoch_ && plateau_.reached(result_.losses.back())) return false;
    sums_ = {};
    result_.sums = request.before;
    if (request.shuffle)
        memory_.order.shuffle(job_.samples.count, request.seed, std::uint64_t(request.first_epoch + epoch));
    if (request.orders) memory_.order.as_given(request.orders + epoch * job_.samples.count);
    if (inspected) save(epoch);
    return true;
}

template <class T> void Run<T>::end_epoch() {
    const auto now = Clock::now();
    result_.losses.push_back(sums_.mean()); // there is room for all
    result_.seconds.push_back(std::chrono::duration<double>(now - epoch_start_).count());
    epoch_start_ = now;
}

template <class T> void Run<T>::begin_lazy() {
    const TrainConfig& config = job_.config;
    const Stage& stage = network_.plan()[0];
    const bool moving = job_.state.count > 0;
    network_.lazy_weight().begin(network_.parameters()[0].weight,
                                 moving ? job_.state.slots[0][0].weight : MatrixView<T>{}, stage.inputs,
                                 stage.outputs, momentum_of(config.optimizer),
                                 config.penalties.empty() ? 0 : config.penalties[0].l2);
}

template <class T> void Run<T>::commit_lazy(bool last) {
    LazyWeight<T>& lazy = network_.lazy_weight();
    lazy.commit();
    if (!last && !lazy.needs_flush()) return;
    team_->each_share([&lazy](const Share& share) { lazy.flush(share); });
    lazy.reset();
}

template Result Run<float>::execute(int);
template Result Run<double>::execute(int);
template void Run<float>::inspect(const Context<float>&);
template void Run<double>::inspect(const Context<double>&);

} // namespace steepest
