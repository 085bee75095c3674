// Compute: new weights from gradients, by the formula of `Update`: all that is not a rule's own.
#pragma once

#include "kernels/optimizers.hpp"
#include "kernels/simd/map.hpp"

namespace steepest {
namespace {

template <class T> STEEPEST_INLINE Vec<T> sign_times(T l1, Vec<T> w) {
    return select<T>(w > Vec<T>{}, broadcast(l1), select<T>(w < Vec<T>{}, broadcast(-l1), Vec<T>{}));
}

template <class T> STEEPEST_INLINE Vec<T> regularized(const Update<T>& u, Vec<T> g, Vec<T> w) {
    if (u.l2_slope != 0) g = fma(broadcast(u.l2_slope), w, g);
    if (u.l1 != 0) g = g + sign_times<T>(u.l1, w);
    return g;
}

// The gradient that a rule gets, of the data loss's gradient g.
template <class T> STEEPEST_INLINE Vec<T> limited(const Update<T>& u, Vec<T> g, Vec<T> w) {
    g = regularized<T>(u, g, w);
    if (u.clip < T(__builtin_huge_val())) g = clamped<T>(g, u.clip);
    if (u.scale != 1) g = g * broadcast(u.scale);
    return g;
}

template <class T> STEEPEST_INLINE Vec<T> thresholded(const Update<T>& u, Vec<T> w) {
    return u.threshold != 0 ? w - clamped<T>(w, u.threshold) : w;
}

// Whether new weights, and what is kept with them, are finite, while they are in registers: x * 0 is NaN for
// NaN and infinities. (Infinite slots of a rule that descends show in its weights.)
template <class T> struct Inspection {
    bool* const overflow; // of `Update`
    Vec<T> zeros = {};

    STEEPEST_INLINE void see(Vec<T> v) {
        if (overflow) zeros = fma(v, Vec<T>{}, zeros);
    }
    STEEPEST_INLINE void tell() const {
        if (!overflow) return;
        bool finite = true;
        for (int i = 0; i < lanes<T>; ++i) finite &= zeros[i] == 0;
        if (!finite) __atomic_store_n(overflow, true, __ATOMIC_RELAXED);
    }
};

// What of `Update` a loop applies: nothing but the rule, penalties (the plain update), or all.
enum class Extent { rule, penalties, all };

// Where elements lie that are updated together.
template <class T> struct Elements {
    const T* gradient;
    T* weight;
    RowSlots<T> slots;
};

// The update of one vector, or of what the tail leaves of it.
template <class T, class R, int Slots, Extent extent, class... Cut>
STEEPEST_INLINE void update_vector(const Update<T>& u, const typename R::template Step<T>& step,
                                   const Elements<T>& e, Inspection<T>& inspection, Index j,
                                   const Cut&... tail) {
    Vec<T> w = load(e.weight + j, tail...), g = load(e.gradient + j, tail...), slot[most_slots];
    for (int k = 0; k < Slots; ++k) slot[k] = load(e.slots.slot[k] + j, tail...);
    if constexpr (extent == Extent::penalties) g = regularized<T>(u, g, w);
    if constexpr (extent == Extent::all) g = limited<T>(u, g, w);
    if constexpr (extent != Extent::penalties) w = broadcast(u.keep) * w;
    w = R::template apply<T, Slots>(step, g, w, slot);
    if constexpr (extent == Extent::all) w = thresholded<T>(u, w);
    for (int k = 0; k < Slots; ++k) {
        if constexpr (!R::descends) inspection.see(slot[k]);
        store(e.slots.slot[k] + j, slot[k], tail...);
    }
    inspection.see(w);
    store(e.weight + j, w, tail...);
}

// Rows of weights, each `whole` vectors and, if `partial`, one more cut to the tail.
template <class T> struct UpdateRows {
    MatrixView<const T> gradient;
    MatrixView<T> weight;
    WeightSlots<T> slots;
    Index rows, whole;
    bool partial;
    Tail<T> tail;
};

// A function of its own for each rule, so that its numbers stay in registers.
template <class T, class R, int Slots, Extent extent>
__attribute__((noinline)) void update_by(const Update<T>& given, const UpdateRows<T>& r) {
    const Update<T> u = given; // no store can change it
    const typename R::template Step<T> step(u);
    Elements<T> e{r.gradient.data, r.weight.data, {}};
    for (int k = 0; k < Slots; ++k) e.slots.slot[k] = r.slots.slot[k].data;
    Inspection<T> inspection{u.overflow};
    for (Index i = 0; i < r.rows; ++i) {
        for (Index j = 0; j < r.whole; ++j)
            update_vector<T, R, Slots, extent>(u, step, e, inspection, j * lanes<T>);
        if (r.partial) update_vector<T, R, Slots, extent>(u, step, e, inspection, r.whole * lanes<T>, r.tail);
        e.gradient += r.gradient.stride, e.weight += r.weight.stride;
        for (int k = 0; k < Slots; ++k) e.slots.slot[k] += r.slots.slot[k].stride;
    }
    inspection.tell();
}

// An update that is not plain.
template <class T> __attribute__((noinline)) void update_rows(const Update<T>& u, const UpdateRows<T>& r) {
    const bool bare = u.l2_slope == 0 && u.l1 == 0 && !(u.clip < T(__builtin_huge_val())) && u.scale == 1 &&
                      u.threshold == 0;
    with_rule(u.rule, u.slots, [&](auto rule, auto slots) __attribute__((always_inline)) {
        using R = decltype(rule);
        constexpr int count = decltype(slots)::value;
        if constexpr (!R::descends) { // or it would be plain
            if (bare) return update_by<T, R, count, Extent::rule>(u, r);
        }
        update_by<T, R, count, Extent::all>(u, r);
    });
}

template <class T>
void update(const Update<T>& u, const T* gradient, T* weight, const RowSlots<T>& slots, Index n) {
    if (!u.plain) {
        UpdateRows<T> row{.gradient = {gradient, 0},
                          .weight = {weight, 0},
                          .slots = {},
                          .rows = 1,
                          .whole = n / lanes<T>,
                          .partial = n % lanes<T> != 0,
                          .tail = Tail<T>(n % lanes<T>)};
        for (int k = 0; k < u.slots; ++k) row.slots.slot[k].data = slots.slot[k];
        return update_rows<T>(u, row);
    }
    Inspection<T> inspection{u.overflow};
    with_descent(u.rule, u.slots, [&](auto rule, auto count) __attribute__((always_inline)) {
        const typename decltype(rule)::template Step<T> step(u);
        const Elements<T> e{gradient, weight, slots};
        for_vectors<T>(n, [&](Index j, auto... tail) __attribute__((always_inline)) {
            update_vector<T, decltype(rule), decltype(count)::value, Extent::penalties>(
                u, step, e, inspection, j, tail...);
        });
    });
    inspection.tell();
}

} // namespace
} // namespace steepest
