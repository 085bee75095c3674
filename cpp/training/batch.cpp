// Trainer: one batch, what is read for it and how it is scored.
#include "training/run.hpp"

#include <algorithm>
#include <limits>

namespace steepest {

// In one order, whoever adds up.
template <class T> double Trainer<T>::objective(const Run& run, const Batch& batch) const {
    double loss = 0;
    if (run.custom) {
        loss = run.custom_loss;
    } else {
        for (Index i = 0; i < batch.samples.count; ++i) loss += row_losses_.data()[i];
        if (!run.config.loss.sum) loss = batch.weight > 0 ? loss / batch.weight : 0;
    }
    loss *= run.config.report_scale;
    return run.config.penalties.empty() ? loss : loss + network_.penalty_value() * penalty_share(run, batch);
}

template <class T> double Trainer<T>::penalty_share(const Run& run, const Batch& batch) const {
    return run.config.penalty_by_batch ? batch.scale : 1;
}

template <class T>
typename Trainer<T>::Batch Trainer<T>::look_up(const Run& run, Index first, Index size) const {
    const Samples<T>& all = run.samples;
    const std::int64_t* const labels = all.labels ? labels_.data() : nullptr;
    Batch batch{};
    batch.first = first;
    if (run.gathered)
        batch.samples = {all.sparse ? MatrixView<const T>{} : read_only(x_.rows()), labels,
                         all.targets.data ? read_only(targets_.rows()) : MatrixView<const T>{},
                         all.weight ? weight_.data() : nullptr, size};
    else
        batch.samples = {from(all.x, first), labels, from(all.targets, first),
                         all.weight ? all.weight + first : nullptr, size};
    if (!all.weight) {
        batch.weight = double(size);
    } else {
        for (Index i = first; i < first + size; ++i) batch.weight += double(all.weight[order_[i]]);
        if (batch.weight < least_weight) batch.weight = 0;
    }
    batch.scale = run.config.loss.sum ? 1 : batch.weight > 0 ? 1 / batch.weight : 0;
    return batch;
}

template <class T> void Trainer<T>::gather(const Run& run, Index first, Range rows) {
    const Samples<T>& all = run.samples;
    for (Index i = rows.begin; i < rows.end; ++i) {
        const Index from = order_[first + i];
        if (all.sparse)
            sparse_.take(i, from);
        else
            std::copy_n(all.x.data + from * all.x.stride, network_.inputs(), x_.row(i));
        if (all.targets.data)
            std::copy_n(all.targets.data + from * all.targets.stride, target_columns(run), targets_.row(i));
        if (all.weight) weight_.data()[i] = all.weight[from];
    }
}

// Copies labels of the batch; one out of range is noted, and replaced. Each is read once and used as it was
// checked, since it may change at any moment. To a loss of the program's own all labels are valid.
template <class T> void Trainer<T>::copy_labels(Run& run, Index first, Range rows) {
    const bool any = run.custom;
    const volatile std::int64_t* const given = run.samples.labels;
    for (Index i = rows.begin; i < rows.end; ++i) {
        const Index sample = order_[first + i];
        const std::int64_t label = given[sample];
        const bool valid = any || (label >= 0 && label < network_.outputs());
        labels_.data()[i] = valid ? label : 0;
        if (!valid) run.invalid_label.store(sample, std::memory_order_relaxed);
    }
}

template <class T> void Trainer<T>::score(Run& run, const Batch& batch, Range rows) {
    const Samples<T>& s = batch.samples;
    const Index i = rows.begin;
    if (s.labels) copy_labels(run, batch.first, rows);
    run.kernels.loss({run.config.loss.kind, T(run.config.loss.parameter), from(network_.scores(), i),
                      s.labels ? s.labels + i : nullptr, from(s.targets, i),
                      s.weight ? s.weight + i : nullptr, batch.scale, from(network_.score_gradients(), i),
                      row_losses_.data() + i, rows.size(), network_.outputs()});
}

// A loss of the program's own, of all rows. An unfinished forward pass, left for `stop`, has no scores.
template <class T>
void Trainer<T>::score_together(Run& run, const Team& team, const Batch& batch, Range mine) {
    const Samples<T>& s = batch.samples;
    if (s.labels) copy_labels(run, batch.first, mine);
    team.barrier();
    if (team.rank == 0 && !run.lookout.stopped()) {
        const LossInput<T> scored{network_.scores(), s.labels, s.targets, network_.score_gradients(),
                                  s.count};
        if (!run.custom->compute(scored, &run.custom_loss)) run.lookout.stop();
    }
    team.barrier();
}

template <class T> Index Trainer<T>::target_columns(const Run& run) const {
    return run.custom ? run.custom->target_columns : network_.outputs();
}

#define STEEPEST_INSTANTIATE(T)                                                              \
    template double Trainer<T>::penalty_share(const Run&, const Batch&) const;               \
    template double Trainer<T>::objective(const Run&, const Batch&) const;                   \
    template typename Trainer<T>::Batch Trainer<T>::look_up(const Run&, Index, Index) const; \
    template void Trainer<T>::gather(const Run&, Index, Range);                              \
    template void Trainer<T>::score(Run&, const Batch&, Range);                              \
    template void Trainer<T>::score_together(Run&, const Team&, const Batch&, Range);        \
    template Index Trainer<T>::target_columns(const Run&) const;
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
