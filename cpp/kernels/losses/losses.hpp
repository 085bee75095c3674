// Compute: value and gradient of a loss, a row of scores at a time. The losses and their lists stand in the
// two files below.
#pragma once

#include "kernels/gemm/blocks.hpp"
#include "kernels/losses/label_losses.hpp"
#include "kernels/losses/target_losses.hpp"

namespace steepest {
namespace {

using Losses = Join<LabelLosses, TargetLosses>::Both;

template <class T> STEEPEST_INLINE T weight_of(const LossRows<T>& l, Index i) {
    return l.weight ? l.weight[i] : T(1);
}

template <class T, class L> void losses_of_few(const LossRows<T>& l) {
    for (Index first = 0; first < l.rows; first += lanes<T>) {
        const Index count = smaller(lanes<T>, l.rows - first);
        T scale[lanes<T>] = {}, loss[lanes<T>];
        for (Index i = 0; i < count; ++i) scale[i] = T(double(weight_of(l, first + i)) * l.scale);
        L::template few<T>({.scores = at(l.scores, first, 0),
                            .targets = at(l.targets, first, 0),
                            .labels = L::takes_labels ? l.labels + first : nullptr,
                            .number = l.number,
                            .scale = scale,
                            .gradient = at(l.gradient, first, 0),
                            .count = count,
                            .n = l.classes,
                            .loss = loss});
        for (Index i = 0; i < count; ++i)
            l.value[first + i] = double(weight_of(l, first + i)) * double(loss[i]);
    }
}

template <class T, class L> __attribute__((noinline)) void losses_by(const LossRows<T>& l) {
    bool done = false;
    if constexpr (L::takes_few) {
        done = l.classes < few_outputs<T>;
        if (done) losses_of_few<T, L>(l);
    }
    for (Index i = 0; i < l.rows; ++i) {
        const T weight = weight_of(l, i);
        T* const gradient = l.gradient.data + i * l.gradient.stride;
        if (weight == 0) {
            __builtin_memset(gradient, 0, std::size_t(l.classes) * sizeof(T));
            l.value[i] = 0;
        } else if (!done) {
            const T loss = L::template row<T>({.scores = l.scores.data + i * l.scores.stride,
                                               .target = l.targets.data + i * l.targets.stride,
                                               .label = L::takes_labels ? Index(l.labels[i]) : 0,
                                               .number = l.number,
                                               .scale = T(double(weight) * l.scale),
                                               .gradient = gradient,
                                               .n = l.classes});
            l.value[i] = double(weight) * double(loss);
        }
    }
}

template <class T> void loss(const LossRows<T>& l) {
    with_type(Losses{}, int(l.kind), [&](auto kind) { losses_by<T, decltype(kind)>(l); });
}

template <class... L>
constexpr LossTraits loss_traits[] = {
    {L::name, L::takes_labels, L::has_dual, L::smallest_target, L::largest_target}...};

template <class... L> constexpr List<LossTraits> losses_of(Types<L...>) {
    return {loss_traits<L...>, Types<L...>::count};
}

} // namespace
} // namespace steepest
