// Compute: optimizer rules, a struct each, and the list of them all: one more is a struct and a place in the
// list.
//
//   name              by which a description asks for it
//   given             names of the numbers that an optimizer is described by
//   slots, fewest_slots, slots_used(given)   what it keeps of each parameter at most, at least, and with them
//   prepare(step, made)   the numbers of one step, in double; their places are the rule's own
//   Step<T>           the update as apply() reads it, made once for many vectors
//   apply<T, Slots>(u, g, w, slot)   the new w of a vector, and its new slots
//   lazy(given), depends_on_age, descends   as in OptimizerTraits
//
// g is the gradient with penalties, clipped, and w has decayed already. Each rounding is written out.
#pragma once

#include "kernels/traits.hpp"
#include "kernels/type_list.hpp"

namespace steepest {
namespace {

// What most rules are: a fixed number of slots, and the same numbers in each step of one learning rate.
template <int Slots> struct Adaptive {
    static constexpr int slots = Slots, fewest_slots = Slots;
    static constexpr bool depends_on_age = false, descends = false;
    static int slots_used(const double*) { return Slots; }
    static bool lazy(const double*) { return false; }
    template <class T> using Step = const Update<T>&;
};

// base^n by squaring: the same bits on every machine, which pow() does not promise.
STEEPEST_INLINE double power(double base, Index n) {
    double result = 1;
    for (; n > 0; n /= 2, base *= base)
        if (n % 2) result *= base;
    return result;
}

// An epsilon that is 0 in the parameters' type would be 0 / 0 where all gradients have been 0.
STEEPEST_INLINE double positive(double epsilon, const StepInput& step) {
    return epsilon > step.smallest_normal ? epsilon : step.smallest_normal;
}

// w - learning_rate * direction
template <class T, class Step> STEEPEST_INLINE Vec<T> descend(const Step& u, Vec<T> direction, Vec<T> w) {
    return fma(broadcast(-u.learning_rate), direction, w);
}

// w - learning_rate * direction / (sqrt(s) + epsilon)
template <class T>
STEEPEST_INLINE Vec<T> descend_scaled(const Update<T>& u, Vec<T> direction, Vec<T> s, T epsilon, Vec<T> w) {
    return descend<T>(u, direction / (square_root(s) + broadcast(epsilon)), w);
}

// v = momentum * v - learning_rate * g;  w += nesterov ? momentum * v - learning_rate * g : v
// Without momentum there is no v.
struct SGD {
    static constexpr const char* name = "sgd";
    static constexpr const char* given[] = {"momentum", "nesterov"};
    enum { momentum, nesterov };
    static constexpr int slots = 1, fewest_slots = 0;
    static constexpr bool depends_on_age = false, descends = true;
    static int slots_used(const double* numbers) { return numbers[momentum] != 0; }
    static bool lazy(const double*) { return false; }

    static void prepare(const StepInput& step, StepNumbers& made) {
        made.learning_rate = step.learning_rate;
        made.numbers[momentum] = step.given[momentum];
        made.numbers[nesterov] = step.given[nesterov];
    }

    template <class T> struct Step {
        T learning_rate, momentum;
        bool nesterov;
        STEEPEST_INLINE explicit Step(const Update<T>& u)
            : learning_rate(u.learning_rate), momentum(u.numbers[SGD::momentum]),
              nesterov(u.numbers[SGD::nesterov] != 0) {
            __asm__("" : "+r"(nesterov)); // or GCC compares anew for each vector of a tile
        }
        STEEPEST_INLINE Vec<T> accelerated(Vec<T> v, Vec<T> g) const {
            return fma(broadcast(momentum), v, broadcast(-learning_rate) * g);
        }
    };

    template <class T, int Slots>
    STEEPEST_INLINE static Vec<T> apply(const Step<T>& u, Vec<T> g, Vec<T> w, Vec<T> (&slot)[most_slots]) {
        if constexpr (Slots == 0) {
            return descend<T>(u, g, w);
        } else {
            Vec<T>& v = slot[0];
            v = u.accelerated(v, g);
            return w + (u.nesterov ? u.accelerated(v, g) : v);
        }
    }
};

// s = s + g^2;  w = w - learning_rate * g / (sqrt(s) + epsilon)
struct AdaGrad : Adaptive<1> {
    static constexpr const char* name = "adagrad";
    static constexpr const char* given[] = {"epsilon"};
    enum { epsilon };

    static void prepare(const StepInput& step, StepNumbers& made) {
        made.learning_rate = step.learning_rate;
        made.numbers[epsilon] = positive(step.given[epsilon], step);
    }

    template <class T, int>
    STEEPEST_INLINE static Vec<T> apply(const Update<T>& u, Vec<T> g, Vec<T> w, Vec<T> (&slot)[most_slots]) {
        Vec<T>& s = slot[0];
        s = s + g * g;
        return descend_scaled<T>(u, g, s, u.numbers[epsilon], w);
    }
};

// s = decay * s + (1 - decay) * g^2;  w as above
struct RMSProp : Adaptive<1> {
    static constexpr const char* name = "rmsprop";
    static constexpr const char* given[] = {"decay", "epsilon"};
    enum { decay, epsilon, gain };

    static void prepare(const StepInput& step, StepNumbers& made) {
        made.learning_rate = step.learning_rate;
        made.numbers[decay] = step.given[decay];
        made.numbers[gain] = 1 - step.given[decay];
        made.numbers[epsilon] = positive(step.given[epsilon], step);
    }

    template <class T, int>
    STEEPEST_INLINE static Vec<T> apply(const Update<T>& u, Vec<T> g, Vec<T> w, Vec<T> (&slot)[most_slots]) {
        Vec<T>& s = slot[0];
        s = fma(broadcast(u.numbers[decay]), s, broadcast(u.numbers[gain]) * (g * g));
        return descend_scaled<T>(u, g, s, u.numbers[epsilon], w);
    }
};

// m = beta_1 * m + (1 - beta_1) * g;  s = beta_2 * s + (1 - beta_2) * g^2
// w = w - learning_rate * (m / (1 - beta_1^t)) / (sqrt(s / (1 - beta_2^t)) + epsilon) in step t, with both
// corrections in the learning rate and in epsilon. As epsilon hat, epsilon is what is added to sqrt(s).
struct Adam : Adaptive<2> {
    static constexpr const char* name = "adam";
    static constexpr const char* given[] = {"beta_1",       "beta_2",      "epsilon",
                                            "weight_decay", "epsilon_hat", "lazy"};
    enum { beta_1, beta_2, epsilon, weight_decay, epsilon_hat, is_lazy }; // given
    enum { gain_1 = epsilon + 1, gain_2 };                                // made, after the first three
    static constexpr bool depends_on_age = true;
    static bool lazy(const double* numbers) { return numbers[is_lazy] != 0; }

    static void prepare(const StepInput& step, StepNumbers& made) {
        const double root = __builtin_sqrt(1 - power(step.given[beta_2], step.age + 1));
        const double correction = root / (1 - power(step.given[beta_1], step.age + 1));
        made.learning_rate = step.learning_rate * correction;
        made.decay = step.learning_rate * step.given[weight_decay];
        made.numbers[beta_1] = step.given[beta_1];
        made.numbers[gain_1] = 1 - step.given[beta_1];
        made.numbers[beta_2] = step.given[beta_2];
        made.numbers[gain_2] = 1 - step.given[beta_2];
        const double given_epsilon = step.given[epsilon];
        made.numbers[epsilon] =
            positive(step.given[epsilon_hat] != 0 ? given_epsilon : given_epsilon * root, step);
    }

    template <class T, int>
    STEEPEST_INLINE static Vec<T> apply(const Update<T>& u, Vec<T> g, Vec<T> w, Vec<T> (&slot)[most_slots]) {
        Vec<T>&m = slot[0], &s = slot[1];
        s = fma(broadcast(u.numbers[beta_2]), s, broadcast(u.numbers[gain_2]) * (g * g));
        m = fma(broadcast(u.numbers[beta_1]), m, broadcast(u.numbers[gain_1]) * g);
        return descend_scaled<T>(u, m, s, u.numbers[epsilon], w);
    }
};

// m and s as Adam's; mu_t = beta_1 (1 - fading^t / 2) is the momentum of step t, and P_t the product of those
// up to it: w = w - learning_rate * (mu_{t+1} m / (1 - P_{t+1}) + (1 - mu_t) g / (1 - P_t)) / (sqrt(s / (1 -
// beta_2^t)) + epsilon), with the correction of s in the learning rate and in epsilon.
struct NAdam : Adaptive<2> {
    static constexpr const char* name = "nadam";
    static constexpr const char* given[] = {"beta_1", "beta_2", "epsilon", "fading"};
    enum { beta_1, beta_2, epsilon, fading };                // given
    enum { gain_1 = epsilon + 1, gain_2, of_mean, of_step }; // made, after the first three
    static constexpr bool depends_on_age = true;

    // P_t, factor by factor until it has fallen so far that 1 - P is 1, or the factors have come to beta_1:
    // after 3,000 steps at most, whatever the numbers. With the defaults after 60, a tenth of a microsecond.
    static double momenta(const StepInput& step, Index t) {
        double product = 1, faded = 1;
        for (Index i = 1; i <= t && product > 0x1p-60; ++i) {
            faded *= step.given[fading];
            if (faded < 0x1p-53) return product * power(step.given[beta_1], t - i + 1);
            product *= step.given[beta_1] * (1 - 0.5 * faded);
        }
        return product;
    }
    static double momentum(const StepInput& step, Index t) {
        return step.given[beta_1] * (1 - 0.5 * power(step.given[fading], t));
    }

    static void prepare(const StepInput& step, StepNumbers& made) {
        const Index t = step.age + 1;
        const double root = __builtin_sqrt(1 - power(step.given[beta_2], t));
        const double product = momenta(step, t), next = momentum(step, t + 1);
        made.learning_rate = step.learning_rate * root;
        made.numbers[beta_1] = step.given[beta_1];
        made.numbers[gain_1] = 1 - step.given[beta_1];
        made.numbers[beta_2] = step.given[beta_2];
        made.numbers[gain_2] = 1 - step.given[beta_2];
        made.numbers[of_mean] = next / (1 - product * next);
        made.numbers[of_step] = (1 - momentum(step, t)) / (1 - product);
        made.numbers[epsilon] = positive(step.given[epsilon] * root, step);
    }

    template <class T, int>
    STEEPEST_INLINE static Vec<T> apply(const Update<T>& u, Vec<T> g, Vec<T> w, Vec<T> (&slot)[most_slots]) {
        Vec<T>&m = slot[0], &s = slot[1];
        s = fma(broadcast(u.numbers[beta_2]), s, broadcast(u.numbers[gain_2]) * (g * g));
        m = fma(broadcast(u.numbers[beta_1]), m, broadcast(u.numbers[gain_1]) * g);
        const Vec<T> ahead = fma(broadcast(u.numbers[of_mean]), m, broadcast(u.numbers[of_step]) * g);
        return descend_scaled<T>(u, ahead, s, u.numbers[epsilon], w);
    }
};

// w = w - learning_rate * sign(beta_1 * m + (1 - beta_1) * g);  then m = beta_2 * m + (1 - beta_2) * g
struct Lion : Adaptive<1> {
    static constexpr const char* name = "lion";
    static constexpr const char* given[] = {"beta_1", "beta_2", "weight_decay"};
    enum { beta_1, beta_2, weight_decay }; // given
    enum { gain_1 = beta_2 + 1, gain_2 };  // made, after the first two

    static void prepare(const StepInput& step, StepNumbers& made) {
        made.learning_rate = step.learning_rate;
        made.decay = step.learning_rate * step.given[weight_decay];
        made.numbers[beta_1] = step.given[beta_1];
        made.numbers[gain_1] = 1 - step.given[beta_1];
        made.numbers[beta_2] = step.given[beta_2];
        made.numbers[gain_2] = 1 - step.given[beta_2];
    }

    template <class T, int>
    STEEPEST_INLINE static Vec<T> apply(const Update<T>& u, Vec<T> g, Vec<T> w, Vec<T> (&slot)[most_slots]) {
        Vec<T>& m = slot[0];
        const Vec<T> mixed = fma(broadcast(u.numbers[beta_1]), m, broadcast(u.numbers[gain_1]) * g);
        m = fma(broadcast(u.numbers[beta_2]), m, broadcast(u.numbers[gain_2]) * g);
        const Vec<T> zero = {}, one = broadcast(T(1)); // 0 and NaN are their own signs
        return descend<T>(u, select<T>(mixed > zero, one, select<T>(mixed < zero, -one, mixed)), w);
    }
};

using Rules = Types<SGD, AdaGrad, RMSProp, Adam, NAdam, Lion>;

// visit(R{}, Int<slots>{}) for the struct of a rule and the slots that it uses.
template <class F> STEEPEST_INLINE void with_rule(Rule rule, int slots, F visit) {
    with_type(Rules{}, int(rule), [&](auto r) __attribute__((always_inline)) {
        using R = decltype(r);
        with_int<R::fewest_slots, R::slots>(slots, [&](auto count)
                                                       __attribute__((always_inline)) { visit(r, count); });
    });
}

// The same for a rule that descends.
template <class F> STEEPEST_INLINE void with_descent(Rule rule, int slots, F visit) {
    with_rule(rule, slots, [&](auto r, auto count) __attribute__((always_inline)) {
        if constexpr (decltype(r)::descends) visit(r, count);
    });
}

template <class R> constexpr OptimizerTraits traits_of() {
    static_assert(R::slots <= most_slots && sizeof R::given <= most_numbers * sizeof(const char*));
    return {.name = R::name,
            .given = {R::given, int(sizeof R::given / sizeof(const char*))},
            .slots = R::slots_used,
            .lazy = R::lazy,
            .prepare = R::prepare,
            .depends_on_age = R::depends_on_age,
            .descends = R::descends};
}

template <class... R> constexpr OptimizerTraits rule_traits[] = {traits_of<R>()...};

template <class... R> constexpr List<OptimizerTraits> rules_of(Types<R...>) {
    return {rule_traits<R...>, Types<R...>::count};
}

} // namespace
} // namespace steepest
