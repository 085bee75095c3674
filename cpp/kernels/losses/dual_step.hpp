// Compute: a step of dual coordinate ascent on one row, for the losses that take labels; the others stand in
// target_dual_steps.hpp.
//
// With W = -sum over rows i of share_i x_i^T u_i, each u_i being a gradient of the loss of row i by its
// scores, the dual of a linear model's objective is largest along u_i at the gradient u' of the loss l at the
// scores that it leads to itself, which is a step of gradient descent taken implicitly:
//
//     u' = l'(t),  t = s - pull (u' - u),  pull = share_i |x_i|^2
//
// After Shalev-Shwartz and Zhang, "Stochastic dual coordinate ascent methods for regularized loss
// minimization", JMLR 14, 2013, but for the exact maximum over all scores of a row at once: each loss leaves
// one unknown, a sum that the new gradients have to have.
#pragma once

#include "kernels/losses/label_losses.hpp"

namespace steepest {
namespace {

constexpr int most_newton_steps = 30;  // a bound, of which some 4 are needed
constexpr double smallest_pull = 1e-6; // shorter steps are as good, and have no logarithm
// Of a sum, relative: where rounding begins.
template <class T> constexpr T rounding = sizeof(T) == 4 ? T(0x1p-21) : T(0x1p-50);
// So near to a root, relative, one more of Newton's steps leaves only rounding.
template <class T> constexpr double near_root = sizeof(T) == 4 ? 1e-3 : 1e-7;

// The lanes of a vector at column j that are the label's.
template <class T> STEEPEST_INLINE IntVec<T> lanes_of(Index label, Index j) {
    IntVec<T> lane;
    for (int i = 0; i < lanes<T>; ++i) lane[i] = i;
    return lane == decltype(lane[0] + 0)(label - j);
}

// How far scores move, as a step counts with it.
template <class T> STEEPEST_INLINE T pull_of(const DualStep<T>& d) {
    return d.pull > T(smallest_pull) ? d.pull : T(smallest_pull);
}

// Fresh gradients, which may stand in `change`, become the row's, and `change` the difference.
template <class T> STEEPEST_INLINE void take(const DualStep<T>& d, const T* fresh) {
    for_vectors<T>(d.n, [&](Index j, auto... tail) {
        const Vec<T> u = load(fresh + j, tail...);
        store(d.change + j, u - load(d.gradient + j, tail...), tail...);
        store(d.gradient + j, u, tail...);
    });
}

// w of w + log(w) = z, Wright's omega: two rough values, made 4 times as exact by each step of Fritsch,
// Shafer and Crowley, "Algorithm 443", CACM 16, 1973. Two are as exact as T.
template <class T> STEEPEST_INLINE Vec<T> vomega(Vec<T> z) {
    const Vec<T> one = broadcast(T(1)), e = vexp<T>(minimum(one, z));
    Vec<T> w = select<T>(z > one, z - vlog<T>(maximum(one, z)), e / (one + e));
    for (int k = 0; k < 2; ++k) {
        const Vec<T> r = z - w - vlog<T>(w), above = one + w;
        const Vec<T> q = broadcast(T(2)) * above * (above + broadcast(T(2.0 / 3)) * r);
        w += w * (r / above) * ((q - r) / (q - broadcast(T(2)) * r));
    }
    // Where w is so small that it equals exp(z), and its logarithm may not exist.
    return select<T>(z < broadcast(T(sizeof(T) == 4 ? -16 : -37)), e, w);
}

// The probabilities p of t solve log(p) + pull p = v - c with one c, the logarithm of the sum of exp(t).
struct SoftmaxStep {
    // u plus 1 at the label: the probabilities that u stands for.
    template <class T> STEEPEST_INLINE static Vec<T> held(const DualStep<T>& d, Index j, Vec<T> u) {
        return maximum(Vec<T>{}, u + select<T>(lanes_of<T>(d.label, j), broadcast(T(1)), Vec<T>{}));
    }

    // Sums over the row: f(j, mask) is one vector, in which lanes beyond the end count nothing.
    template <class T, class F> STEEPEST_INLINE static T sum(Index n, F f) {
        Vec<T> sums[group<T>] = {};
        for_groups<T>(n, [&](int g, Index j, auto... tail) {
            Vec<T> v = f(j, tail...);
            if constexpr (sizeof...(tail)) v = within<T>(tail..., v, Vec<T>{});
            sums[g] += v;
        });
        return fold<T>(sums);
    }

    template <class T> static DualGap<T> run(const DualStep<T>& d) {
        const T top = largest(d.scores, d.n);
        const T log_sum = top + vlog<T>(broadcast(exponentials(d.scores, top, d.scratch, d.n)))[0];
        const Vec<T> least = broadcast(Format<T>::smallest_normal);
        // The divergence of the probabilities at the scores from those of u.
        const T gap = sum<T>(d.n, [&](Index j, auto... tail) {
            const Vec<T> p = held(d, j, load(d.gradient + j, tail...));
            return p * ((vlog<T>(maximum(least, p)) - load(d.scores + j, tail...)) + broadcast(log_sum));
        });
        const DualGap<T> at{log_sum - d.scores[d.label], gap > 0 ? gap : 0};
        if (d.change) step(d, log_sum);
        return at;
    }

    template <class T> STEEPEST_INLINE static void step(const DualStep<T>& d, T log_sum) {
        const T pull = pull_of(d);
        T *const z = d.scratch, *const w = d.change;
        const Vec<T> shift = vlog<T>(broadcast(pull)) - broadcast(log_sum);
        for_vectors<T>(d.n, [&](Index j, auto... tail) {
            const Vec<T> p = held(d, j, load(d.gradient + j, tail...));
            store(z + j, fma(broadcast(pull), p, load(d.scores + j, tail...)) + shift, tail...);
        });
        // pull p = omega(z - c), the sum of which falls with c, and is convex.
        T c = 0, total = 0;
        bool near = false;
        for (int k = 0; k < most_newton_steps; ++k) {
            total = sum<T>(d.n, [&](Index j, auto... tail) {
                const Vec<T> v = vomega<T>(load(z + j, tail...) - broadcast(c));
                store(w + j, v, tail...);
                return v;
            });
            const T slope = sum<T>(d.n, [&](Index j, auto... tail) {
                const Vec<T> v = load(w + j, tail...);
                return v / (broadcast(T(1)) + v);
            });
            const T over = total - pull, error = (over > 0 ? over : -over) / pull;
            if (near || !(error > rounding<T>)) break;
            near = error < T(near_root<T>);
            // From below, where Newton's step would be long, in logarithms.
            c += over > 0 ? over / slope : vlog<T>(broadcast(total / pull))[0] * total / slope;
        }
        const Vec<T> factor = broadcast(1 / total);
        const T others = sum<T>(d.n, [&](Index j, auto... tail) {
            const Vec<T> p = load(w + j, tail...) * factor;
            store(z + j, p, tail...);
            return select<T>(lanes_of<T>(d.label, j), Vec<T>{}, p);
        });
        z[d.label] = -others;
        take<T>(d, z);
    }
};

// u is a_j of the other classes, and minus their sum A at the label. With m_j = s_j - s_label + margin the
// new a_j is clamp(rate (v_j - pull A), 0, most), where v_j = m_j + pull (a_j + A) with the old ones.
template <bool squared> struct HingeStep {
    template <class T> static DualGap<T> run(const DualStep<T>& d) {
        const Vec<T> own = broadcast(d.scores[d.label]), margin = broadcast(d.number);
        const T pull = pull_of(d), old = -d.gradient[d.label];
        Vec<T> losses[group<T>] = {}, gaps[group<T>] = {};
        for_groups<T>(d.n, [&](int g, Index j, auto... tail) {
            const Vec<T> zero = {}, a = load(d.gradient + j, tail...);
            const Vec<T> m = (load(d.scores + j, tail...) - own) + margin, over = maximum(zero, m);
            Vec<T> loss = squared ? over * over : over;
            Vec<T> gap = loss - a * m;
            if (squared) gap += broadcast(T(0.25)) * a * a;
            store(d.scratch + j, m + broadcast(pull) * (a + broadcast(old)), tail...);
            const IntVec<T> label = lanes_of<T>(d.label, j);
            loss = select<T>(label, zero, loss), gap = select<T>(label, zero, gap);
            if constexpr (sizeof...(tail))
                loss = within<T>(tail..., loss, zero), gap = within<T>(tail..., gap, zero);
            losses[g] += loss, gaps[g] += gap;
        });
        const T gap = fold<T>(gaps);
        if (d.change) step(d, pull, old);
        return {fold<T>(losses), gap > 0 ? gap : 0};
    }

    // The sum of what a is for a sum A of it, which is left in `change`, and how many are free.
    template <class T> STEEPEST_INLINE static T weights_at(const DualStep<T>& d, T pull, T A, T& free) {
        const Vec<T> rate = broadcast(squared ? 2 / (1 + 2 * pull) : 1 / pull), all = broadcast(pull * A);
        const Vec<T> zero = {}, one = broadcast(T(1)), most = squared ? broadcast(infinity<T>) : one;
        Vec<T> sums[group<T>] = {}, counts[group<T>] = {};
        for_groups<T>(d.n, [&](int g, Index j, auto... tail) {
            Vec<T> a = rate * (load(d.scratch + j, tail...) - all);
            a = select<T>(lanes_of<T>(d.label, j), zero, a);
            if constexpr (sizeof...(tail)) a = within<T>(tail..., a, zero);
            const Vec<T> inside = select<T>(a > zero, select<T>(a < most, one, zero), zero);
            a = minimum(most, maximum(zero, a));
            store(d.change + j, a, tail...);
            sums[g] += a, counts[g] += inside;
        });
        free = fold<T>(counts);
        return fold<T>(sums);
    }

    // The sum again, after the rest of the way to the root, which may be less than A can tell: what is free
    // moves by it.
    template <class T> STEEPEST_INLINE static T corrected(const DualStep<T>& d, T rest) {
        const Vec<T> zero = {}, most = squared ? broadcast(infinity<T>) : broadcast(T(1));
        Vec<T> sums[group<T>] = {};
        for_groups<T>(d.n, [&](int g, Index j, auto... tail) {
            const Vec<T> a = load(d.change + j, tail...);
            const Vec<T> moved = minimum(most, maximum(zero, a - broadcast(rest)));
            const Vec<T> b = select<T>(a > zero, select<T>(a < most, moved, a), a);
            store(d.change + j, b, tail...);
            sums[g] += b;
        });
        return fold<T>(sums);
    }

    template <class T> STEEPEST_INLINE static void step(const DualStep<T>& d, T pull, T A) {
        // Its excess over A falls with A in straight pieces: Newton's step ends on the right one, and where
        // it leaves the bracket, the bracket is halved.
        const T slope_of_one = squared ? 2 * pull / (1 + 2 * pull) : T(1);
        T low = -1, high = squared ? infinity<T> : T(d.n), free = 0, over = 0;
        for (int k = 0; k < most_newton_steps; ++k) {
            const T total = weights_at(d, pull, A, free);
            over = total - A;
            if (!((over > 0 ? over : -over) > rounding<T> * (1 + slope_of_one * free) * (total + A))) break;
            (over > 0 ? low : high) = A;
            T next = A + over / (1 + slope_of_one * free);
            if (!(next > low && next < high)) next = high < infinity<T> ? low + (high - low) / 2 : A;
            if (next == A) break; // the root is between two numbers
            A = next;
        }
        const T total = corrected(d, slope_of_one * over / (1 + slope_of_one * free));
        d.change[d.label] = -total;
        take<T>(d, d.change);
    }
};

} // namespace
} // namespace steepest
