// Compute: losses of a class for each row.
// One more is a struct here and a place in the list at the end.
#pragma once

#include "kernels/gemm/pack.hpp"
#include "kernels/losses/loss_rows.hpp"
#include "kernels/rows/softmax.hpp"
#include "kernels/type_list.hpp"

namespace steepest {
namespace {

// The sum of top - row, top the largest of the row.
template <class T> STEEPEST_INLINE T distances(const T* row, T top, Index n) {
    Vec<T> sums[group<T>] = {};
    for_groups<T>(n, [&](int g, Index j, auto... tail) {
        Vec<T> v = broadcast(top) - load(row + j, tail...);
        if constexpr (sizeof...(tail)) v = within<T>(tail..., v, Vec<T>{});
        sums[g] += v;
    });
    return fold<T>(sums);
}

// -sum over classes of target * log softmax(row), where each class has a target of smoothing / n and the
// label 1 - smoothing more; gradient (softmax(row) - target) * scale. Without smoothing, -log
// softmax(row)[label].
struct Softmax : LabelLoss {
    static constexpr const char* name = "softmax"; // its number is the smoothing
    static constexpr bool takes_few = true;

    template <class T> static T row(const LossRow<T>& l) {
        const T *scores = l.scores, smoothing = l.number, scale = l.scale;
        const Index n = l.n;
        const T top = largest(scores, n), own = 1 - smoothing, each = smoothing / T(n);
        T below_top = own * (top - scores[l.label]);
        if (smoothing != 0) below_top += each * distances(scores, top, n); // 0 * infinity would be NaN
        const T sum = exponentials(scores, top, l.gradient, n);
        const Vec<T> factor = broadcast(scale / sum), others = broadcast(each * scale);
        map<T>(n, [=](Vec<T> e) { return e * factor - others; }, l.gradient, l.gradient);
        l.gradient[l.label] -= own * scale;
        return vlog<T>(broadcast(sum))[0] + below_top;
    }

    // A lane for each row.
    template <class T> static void few(const FewScores<T>& l) {
        const T own = 1 - l.number, each = l.number / T(l.n);
        T column[group_lanes<T> * lanes<T>] = {}, top_lanes[lanes<T>];
        transpose_rows(l.scores, l.n, l.count, column, lanes<T>);
        Vec<T> top = load(column), sum = {}, distance = {};
        for (Index c = 1; c < l.n; ++c) top = maximum(top, load(column + c * lanes<T>));
        for (Index c = 0; c < l.n; ++c) {
            const Vec<T> below = load(column + c * lanes<T>) - top, e = vexp<T>(below);
            distance -= below;
            store(column + c * lanes<T>, e);
            sum += e;
        }
        const Vec<T> factor = load(l.scale) / sum, others = load(l.scale) * broadcast(each);
        for (Index c = 0; c < l.n; ++c)
            store(column + c * lanes<T>, load(column + c * lanes<T>) * factor - others);
        store(top_lanes, top);
        Vec<T> log_sum = vlog<T>(sum);
        if (l.number != 0) log_sum += broadcast(each) * distance;
        store(l.loss, log_sum);
        for (Index i = 0; i < l.count; ++i)
            l.loss[i] += own * (top_lanes[i] - l.scores.data[i * l.scores.stride + l.labels[i]]);
        transpose_rows(MatrixView<const T>{column, lanes<T>}, l.count, l.n, l.gradient.data,
                       l.gradient.stride);
        for (Index i = 0; i < l.count; ++i)
            l.gradient.data[i * l.gradient.stride + l.labels[i]] -= own * l.scale[i];
    }
};

// sum over j != label of max(0, row[j] - row[label] + margin), or of its square
template <class T, bool squared> T hinge_row(const LossRow<T>& l) {
    const Vec<T> own = broadcast(l.scores[l.label]), gap = broadcast(l.number),
                 slope = broadcast(squared ? 2 * l.scale : l.scale);
    IntVec<T> lane;
    for (int i = 0; i < lanes<T>; ++i) lane[i] = i;
    Vec<T> values[group<T>] = {}, slopes[group<T>] = {};
    for_groups<T>(l.n, [&](int g, Index j, auto... tail) {
        const Vec<T> zero = {};
        Vec<T> over = (load(l.scores + j, tail...) - own) + gap;
        over = select<T>(lane == decltype(lane[0] + 0)(l.label - j), zero, maximum(zero, over));
        if constexpr (sizeof...(tail)) over = within<T>(tail..., over, zero);
        const Vec<T> active = squared ? over : select<T>(over > zero, broadcast(T(1)), over);
        values[g] = values[g] + (squared ? over * over : over);
        slopes[g] = slopes[g] + active;
        store(l.gradient + j, active * slope, tail...);
    });
    l.gradient[l.label] = -(fold<T>(slopes) * slope[0]);
    return fold<T>(values);
}

struct Hinge : LabelLoss {
    static constexpr const char* name = "hinge"; // its number is the margin
    template <class T> static T row(const LossRow<T>& l) { return hinge_row<T, false>(l); }
};

struct SquaredHinge : LabelLoss {
    static constexpr const char* name = "squared_hinge";
    template <class T> static T row(const LossRow<T>& l) { return hinge_row<T, true>(l); }
};

using LabelLosses = Types<Softmax, Hinge, SquaredHinge>;

} // namespace
} // namespace steepest
