// Compute: one batch of a run, what is read for it and how it is scored.
#include "training/run.hpp"

#include <algorithm>

namespace steepest {

template <class T> Batch<T> Run<T>::batch_at(Index first, Index size) const {
    const Samples<T>& all = job_.samples;
    const std::int64_t* const labels = all.labels ? memory_.labels.data() : nullptr;
    Batch<T> batch;
    batch.first = first;
    if (gathered_)
        batch.samples = {.x = all.sparse ? MatrixView<const T>{} : read_only(memory_.x.rows()),
                         .labels = labels,
                         .targets =
                             all.targets.data ? read_only(memory_.targets.rows()) : MatrixView<const T>{},
                         .weight = all.weight ? memory_.weight.data() : nullptr,
                         .count = size};
    else
        batch.samples = {.x = from(all.x, first),
                         .labels = labels,
                         .targets = from(all.targets, first),
                         .weight = from(all.weight, first),
                         .count = size};
    if (!all.weight) {
        batch.weight = double(size);
    } else {
        for (Index i = first; i < first + size; ++i) batch.weight += double(all.weight[memory_.order[i]]);
        batch.weight = usable_weight(batch.weight);
    }
    batch.scale = job_.config.loss.sum ? 1 : batch.weight > 0 ? 1 / batch.weight : 0;
    if (job_.sample_scale > 0) batch.scale = job_.sample_scale;
    return batch;
}

template <class T> void Run<T>::gather(const Batch<T>& batch, Range rows) {
    const Samples<T>& all = job_.samples;
    for (Index i = rows.begin; i < rows.end; ++i) {
        const Index sample = memory_.order[batch.first + i];
        if (all.sparse)
            memory_.sparse.take(i, sample);
        else
            std::copy_n(all.x.data + sample * all.x.stride, network_.inputs(), memory_.x.row(i));
        if (all.targets.data)
            std::copy_n(all.targets.data + sample * all.targets.stride, target_columns(),
                        memory_.targets.row(i));
        if (all.weight) memory_.weight.data()[i] = all.weight[sample];
    }
}

// Each is read once and used as it was checked, since it may change at any moment. To a loss of the program's
// own all labels are valid.
template <class T> void Run<T>::copy_labels(const Batch<T>& batch, Range rows) {
    const bool any = job_.custom;
    const volatile std::int64_t* const given = job_.samples.labels;
    for (Index i = rows.begin; i < rows.end; ++i) {
        const Index place = batch.first + i;
        const std::int64_t label = given[memory_.order[place]];
        const bool valid = any || (label >= 0 && label < network_.outputs());
        memory_.labels.data()[i] = valid ? label : 0;
        Index first = invalid_label_.load(std::memory_order_relaxed);
        while (!valid && (first < 0 || place < first) &&
               !invalid_label_.compare_exchange_weak(first, place)) {
        }
    }
}

template <class T> void Run<T>::evaluate_loss(const Batch<T>& batch, Range rows) {
    const Samples<T>& s = batch.samples;
    const Index i = rows.begin;
    if (s.labels) copy_labels(batch, rows);
    job_.kernels.loss({.kind = job_.config.loss.kind,
                       .number = T(job_.config.loss.number),
                       .scores = from(network_.scores(), i),
                       .labels = from(s.labels, i),
                       .targets = from(s.targets, i),
                       .weight = from(s.weight, i),
                       .scale = batch.scale,
                       .gradient = from(network_.score_gradients(), i),
                       .value = memory_.row_losses.data() + i,
                       .rows = rows.size(),
                       .classes = network_.outputs()});
}

// An unfinished forward pass, left where the context said stop, has no scores.
template <class T> void Run<T>::evaluate_custom_loss(const Batch<T>& batch) {
    const Samples<T>& s = batch.samples;
    if (s.labels)
        team_->then([this, &batch](const Share& share) {
            copy_labels(batch, row_chunk(batch.samples.count, 1, share));
        });
    team_->barrier();
    if (poller_.stopped()) return;
    const LossInput<T> input{.scores = network_.scores(),
                             .labels = s.labels,
                             .targets = s.targets,
                             .gradient = network_.score_gradients(),
                             .rows = s.count};
    if (!job_.custom->compute(input, &custom_loss_)) poller_.stop();
}

template <class T> double Run<T>::penalty_share(const Batch<T>& batch) const {
    return job_.config.penalty_by_batch ? batch.scale : 1;
}

template <class T> Index Run<T>::target_columns() const {
    return job_.custom ? job_.custom->target_columns : network_.outputs();
}

#define STEEPEST_INSTANTIATE(T)                                   \
    template Batch<T> Run<T>::batch_at(Index, Index) const;       \
    template void Run<T>::gather(const Batch<T>&, Range);         \
    template void Run<T>::evaluate_loss(const Batch<T>&, Range);  \
    template void Run<T>::evaluate_custom_loss(const Batch<T>&);  \
    template double Run<T>::penalty_share(const Batch<T>&) const; \
    template Index Run<T>::target_columns() const;
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
