// Compute: a step of dual coordinate ascent on one row, for the losses that take targets.
//
// Outputs are independent of each other: each solves the equation of dual_step.hpp with one unknown.
#pragma once

#include "kernels/losses/dual_step.hpp"
#include "kernels/losses/losses.hpp"

namespace steepest {
namespace {

// Of a vector of outputs: scores, targets, and the gradients that the row has.
template <class T> struct Outputs {
    Vec<T> score, target, u;
};

template <class T> struct Gaps {
    Vec<T> loss, gap;
};

// Rule::gaps(d, outputs) are those of DualGap, and Rule::step(d, outputs) the new gradients.
template <class Rule> struct TargetStep {
    template <class T> static DualGap<T> run(const DualStep<T>& d) {
        Vec<T> losses[group<T>] = {}, gaps[group<T>] = {};
        for_groups<T>(d.n, [&](int g, Index j, auto... tail) __attribute__((always_inline)) {
            const Vec<T> zero = {};
            const Outputs<T> o{load(d.scores + j, tail...), load(d.target + j, tail...),
                               load(d.gradient + j, tail...)};
            Gaps<T> met = Rule::gaps(d, o);
            met.gap = maximum(zero, met.gap);
            if constexpr (sizeof...(tail))
                met = {within<T>(tail..., met.loss, zero), within<T>(tail..., met.gap, zero)};
            losses[g] += met.loss, gaps[g] += met.gap;
            if (!d.change) return;
            const Vec<T> fresh = Rule::step(d, o);
            store(d.change + j, fresh - o.u, tail...);
            store(d.gradient + j, fresh, tail...);
        });
        return {fold<T>(losses), fold<T>(gaps)};
    }
};

// l = c e^2 with e = score - target.
struct SquaredErrorStep {
    template <class T> STEEPEST_INLINE static Vec<T> rest(const DualStep<T>& d, const Outputs<T>& o) {
        return broadcast(2 * d.number) * (o.score - o.target) - o.u;
    }
    template <class T> STEEPEST_INLINE static Gaps<T> gaps(const DualStep<T>& d, const Outputs<T>& o) {
        const Vec<T> e = o.score - o.target, r = rest(d, o);
        return {broadcast(d.number) * e * e, broadcast(1 / (4 * d.number)) * r * r};
    }
    template <class T> STEEPEST_INLINE static Vec<T> step(const DualStep<T>& d, const Outputs<T>& o) {
        return o.u + broadcast(1 / (1 + 2 * d.number * d.pull)) * rest(d, o);
    }
};

struct AbsoluteErrorStep {
    template <class T> STEEPEST_INLINE static Gaps<T> gaps(const DualStep<T>&, const Outputs<T>& o) {
        const Vec<T> e = o.score - o.target, size = -minus_abs<T>(e);
        return {size, size - o.u * e};
    }
    template <class T> STEEPEST_INLINE static Vec<T> step(const DualStep<T>& d, const Outputs<T>& o) {
        const T least = Format<T>::smallest_normal, pull = d.pull > least ? d.pull : least;
        return clamped<T>(o.u + (o.score - o.target) / broadcast(pull), T(1));
    }
};

// u is within the number, beyond which no gradient is.
struct HuberStep {
    template <class T> STEEPEST_INLINE static Gaps<T> gaps(const DualStep<T>& d, const Outputs<T>& o) {
        const Vec<T> e = o.score - o.target, c = clamped<T>(e, d.number), half = broadcast(T(0.5));
        return {c * (e - half * c), (c - o.u) * (e - half * (c + o.u))};
    }
    template <class T> STEEPEST_INLINE static Vec<T> step(const DualStep<T>& d, const Outputs<T>& o) {
        const Vec<T> rest = (o.score - o.target) - o.u;
        return clamped<T>(o.u + broadcast(1 / (1 + d.pull)) * rest, d.number);
    }
};

// The mean m = exp(t) at the new scores t solves log(m) + pull m = s + pull (u + target).
struct PoissonStep {
    template <class T> STEEPEST_INLINE static Vec<T> held(const Outputs<T>& o) {
        return maximum(Vec<T>{}, o.u + o.target);
    }
    template <class T> STEEPEST_INLINE static Gaps<T> gaps(const DualStep<T>&, const Outputs<T>& o) {
        const Vec<T> least = broadcast(Format<T>::smallest_normal), mean = vexp<T>(o.score), m = held(o);
        const Vec<T> log_target = vlog<T>(maximum(least, o.target)) - o.score;
        const Vec<T> log_held = vlog<T>(maximum(least, m)) - o.score;
        return {fma(o.target, log_target, mean - o.target), fma(m, log_held, mean - m)};
    }
    template <class T> STEEPEST_INLINE static Vec<T> step(const DualStep<T>& d, const Outputs<T>& o) {
        const Vec<T> pull = broadcast(pull_of(d));
        return vomega<T>(fma(pull, held(o), o.score + vlog<T>(pull))) / pull - o.target;
    }
};

// The new error r solves r + pull tanh(r) = v. Newton's method stays below |r| from where it begins, as tanh
// is below both r and 1 and bends down.
struct LogCoshStep {
    template <class T> STEEPEST_INLINE static Gaps<T> gaps(const DualStep<T>&, const Outputs<T>& o) {
        const Vec<T> one = broadcast(T(1)), half = broadcast(T(0.5)), e = o.score - o.target;
        const Vec<T> a = vtanh<T>(e), size = minus_abs<T>(e), least = broadcast(Format<T>::smallest_normal);
        const Vec<T> tail =
            vlog1p<T>(exp_in_range<T>(maximum(broadcast(Format<T>::exp_is_zero), size + size)));
        const Vec<T> log_2 = broadcast(T(0.6931471805599453)), square = a * a;
        const Vec<T> small = half * vlog1p<T>(select<T>(square < half, square / (one - square), one));
        const auto near = square < half;
        // Of the two probabilities that u stands for, from those of e; near 0, where that has no digits, the
        // most that the bend of the conjugate allows.
        const Vec<T> p = half * (one + o.u), q = half * (one - o.u);
        const Vec<T> entropy = p * vlog<T>(maximum(least, p)) + q * vlog<T>(maximum(least, q));
        const Vec<T> far_gap = entropy + (tail - size - o.u * e);
        const Vec<T> rest = o.u - a, most = maximum(square, o.u * o.u);
        const Vec<T> near_gap = half * rest * rest / (one - select<T>(most < half, most, half));
        return {select<T>(near, small, tail - size - log_2),
                select<T>(most < half * half, near_gap, far_gap)};
    }
    template <class T> STEEPEST_INLINE static Vec<T> step(const DualStep<T>& d, const Outputs<T>& o) {
        const Vec<T> zero = {}, one = broadcast(T(1)), pull = broadcast(d.pull);
        const Vec<T> v = fma(pull, o.u, o.score - o.target), size = -minus_abs<T>(v);
        Vec<T> r = maximum(size / (one + pull), size - pull);
        for (int k = 0; k < most_newton_steps; ++k) {
            const Vec<T> tanh = vtanh<T>(r), over = size - fma(pull, tanh, r);
            const Vec<T> step = over / fma(pull, one - tanh * tanh, one);
            const auto far =
                step > broadcast(rounding<T>) * r; // a lane that is there stays, whatever others do
            r += select<T>(far, step, zero);
            bool moves = false;
            for (int i = 0; i < lanes<T>; ++i) moves |= far[i] != 0;
            if (!moves) break;
        }
        const Vec<T> u = vtanh<T>(r);
        return select<T>(v < zero, -u, u);
    }
};

struct NoStep {
    template <class T> static DualGap<T> run(const DualStep<T>&) { return {}; }
};

// In the order of Losses.
using DualSteps = Types<SoftmaxStep, HingeStep<false>, HingeStep<true>, TargetStep<SquaredErrorStep>,
                        TargetStep<AbsoluteErrorStep>, TargetStep<HuberStep>, NoStep, TargetStep<PoissonStep>,
                        TargetStep<LogCoshStep>>;
static_assert(DualSteps::count == Losses::count);

template <class T> DualGap<T> dual_step(const DualStep<T>& d) {
    DualGap<T> gap{};
    with_type(DualSteps{}, int(d.kind), [&](auto kind) { gap = decltype(kind)::run(d); });
    return gap;
}

} // namespace
} // namespace steepest
