// Compute: new weights from gradients, by the formulas of `Update`.
#pragma once

#include "base/types.hpp"
#include "kernels/simd/simd.hpp"

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

// Whether new weights, and what is kept with them, are finite, while they are in registers: x * 0 is NaN for
// NaN and infinities. (An infinite velocity shows in its weight.)
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

// ---- plain: sgd, whose tile stays in registers --------------------------------------------------------

template <class T> STEEPEST_INLINE Vec<T> descend(const Update<T>& u, Vec<T> g, Vec<T> w) {
    return fma(broadcast(-u.learning_rate), g, w);
}

template <class T> STEEPEST_INLINE Vec<T> momentum_step(const Update<T>& u, Vec<T> g, Vec<T> v) {
    return fma(broadcast(u.momentum), v, broadcast(-u.learning_rate) * g);
}

// ---- all else -----------------------------------------------------------------------------------------

// v within [-bound, bound]; NaN passes.
template <class T> STEEPEST_INLINE Vec<T> clamped(Vec<T> v, T bound) {
    return minimum(broadcast(bound), maximum(broadcast(-bound), v));
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

// Where elements lie that are updated together.
template <class T> struct Elements {
    const T* gradient;
    T* weight;
    RowSlots<T> slots;
};

// Where v and s of `Update` are among the slots of a rule.
constexpr int v_slot = 0;
constexpr int s_slot(Rule rule) { return rule == Rule::adam ? 1 : 0; }

// The update of one vector, or of what the tail leaves of it; `bare` if the gradient and the new weight are
// taken as they come.
template <class T, Rule rule, bool bare, class... Cut>
STEEPEST_INLINE void update_vector(const Update<T>& u, const Elements<T>& e, Inspection<T>& inspection,
                                   Index j, const Cut&... tail) {
    Vec<T> w = load(e.weight + j, tail...), direction = load(e.gradient + j, tail...);
    if constexpr (!bare) direction = limited<T>(u, direction, w);
    if constexpr (rule == Rule::sgd) {
        if (u.momentum == 0) {
            w = descend<T>(u, direction, w);
        } else {
            const Vec<T> v = momentum_step<T>(u, direction, load(e.slots.slot[v_slot] + j, tail...));
            store(e.slots.slot[v_slot] + j, v, tail...);
            w = w + (u.nesterov ? momentum_step<T>(u, direction, v) : v);
        }
    } else {
        const Vec<T> square = direction * direction;
        T* const s_row = e.slots.slot[s_slot(rule)] + j;
        const Vec<T> s = fma(broadcast(u.decay), load(s_row, tail...), broadcast(u.gain) * square);
        inspection.see(s);
        store(s_row, s, tail...);
        if constexpr (rule == Rule::adam) {
            const Vec<T> push = broadcast(u.first_gain) * direction;
            direction = fma(broadcast(u.momentum), load(e.slots.slot[v_slot] + j, tail...), push);
            inspection.see(direction);
            store(e.slots.slot[v_slot] + j, direction, tail...);
        }
        w = descend<T>(u, direction / (square_root(s) + broadcast(u.epsilon)), broadcast(u.keep) * w);
    }
    if constexpr (!bare) w = thresholded<T>(u, w);
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
template <class T, Rule rule, bool bare>
__attribute__((noinline)) void update_by(const Update<T>& given, const UpdateRows<T>& r) {
    const Update<T> u = given; // no store can change it
    Elements<T> e{r.gradient.data, r.weight.data, {}};
    constexpr int slots = s_slot(rule) + 1;
    for (int k = 0; k < slots; ++k) e.slots.slot[k] = r.slots.slot[k].data;
    Inspection<T> inspection{u.overflow};
    for (Index i = 0; i < r.rows; ++i) {
        for (Index j = 0; j < r.whole; ++j) update_vector<T, rule, bare>(u, e, inspection, j * lanes<T>);
        if (r.partial) update_vector<T, rule, bare>(u, e, inspection, r.whole * lanes<T>, r.tail);
        e.gradient += r.gradient.stride, e.weight += r.weight.stride;
        for (int k = 0; k < slots; ++k) e.slots.slot[k] += r.slots.slot[k].stride;
    }
    inspection.tell();
}

template <class T> __attribute__((noinline)) void update_rows(const Update<T>& u, const UpdateRows<T>& r) {
    const bool bare = u.l2_slope == 0 && u.l1 == 0 && !(u.clip < T(__builtin_huge_val())) && u.scale == 1 &&
                      u.threshold == 0;
    switch (u.rule) {
    case Rule::sgd: // not bare, or it would be plain
        return update_by<T, Rule::sgd, false>(u, r);
    case Rule::rmsprop:
        return bare ? update_by<T, Rule::rmsprop, true>(u, r) : update_by<T, Rule::rmsprop, false>(u, r);
    case Rule::adam:
        return bare ? update_by<T, Rule::adam, true>(u, r) : update_by<T, Rule::adam, false>(u, r);
    }
}

} // namespace
} // namespace steepest
