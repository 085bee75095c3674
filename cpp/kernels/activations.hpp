// Compute: activations, a struct each, and the list of them all: one more is a struct and a place in the
// list.
//
//   name              by which a description asks for it
//   value(x, slope)   of a vector
//   gradient(y, dy, slope)   dy * the derivative, from the value y, or from x if reads_input
//   value_in_tile, gradient_in_tile   whether it is short enough to be applied to a product's tile, which
//                     stays in registers; otherwise it is a pass over finished columns
//
// slope is the one number of those that have one: the slope of leaky_relu, the alpha of elu.
#pragma once

#include "kernels/simd/gelu.hpp"
#include "kernels/simd/vmath.hpp"
#include "kernels/traits.hpp"
#include "kernels/type_list.hpp"

namespace steepest {
namespace {

// What most of them are.
struct Smooth {
    static constexpr bool reads_input = false, value_in_tile = false, gradient_in_tile = true;
};

// dy times a quadratic function of y.
template <class T>
STEEPEST_INLINE Vec<T> quadratic_gradient(Vec<T> y, Vec<T> dy, T curve, T linear, T constant) {
    return dy * fma(y, fma(broadcast(curve), y, broadcast(linear)), broadcast(constant));
}

struct Identity : Smooth {
    static constexpr const char* name = "identity";
    static constexpr bool value_in_tile = true, gradient_in_tile = false; // there is nothing to apply
    template <class T> STEEPEST_INLINE static Vec<T> value(Vec<T> x, T) { return x; }
    template <class T> STEEPEST_INLINE static Vec<T> gradient(Vec<T>, Vec<T> dy, T) { return dy; }
};

// NaN stays NaN.
struct ReLU : Smooth {
    static constexpr const char* name = "relu";
    static constexpr bool value_in_tile = true;
    template <class T> STEEPEST_INLINE static Vec<T> value(Vec<T> x, T) { return maximum(Vec<T>{}, x); }
    template <class T> STEEPEST_INLINE static Vec<T> gradient(Vec<T> y, Vec<T> dy, T) {
        return select<T>(y > Vec<T>{}, dy, Vec<T>{});
    }
};

struct LeakyReLU : Smooth {
    static constexpr const char* name = "leaky_relu";
    static constexpr bool value_in_tile = true;
    template <class T> STEEPEST_INLINE static Vec<T> value(Vec<T> x, T slope) {
        return gradient<T>(x, x, slope);
    }
    template <class T> STEEPEST_INLINE static Vec<T> gradient(Vec<T> y, Vec<T> dy, T slope) {
        return select<T>(y > Vec<T>{}, dy, broadcast(slope) * dy);
    }
};

struct ELU : Smooth {
    static constexpr const char* name = "elu";
    template <class T> STEEPEST_INLINE static Vec<T> value(Vec<T> x, T alpha) {
        return select<T>(x > Vec<T>{}, x, broadcast(alpha) * vexpm1<T>(x));
    }
    template <class T> STEEPEST_INLINE static Vec<T> gradient(Vec<T> y, Vec<T> dy, T alpha) {
        return select<T>(y > Vec<T>{}, dy, (y + broadcast(alpha)) * dy);
    }
};

// ELU with the two constants under which mean 0 and variance 1 are a fixed point of deep networks (Klambauer
// et al., Self-normalizing neural networks, 2017).
struct SELU : Smooth {
    static constexpr const char* name = "selu";
    static constexpr double scale = 1.0507009873554805, alpha = 1.6732632423543772;
    template <class T> STEEPEST_INLINE static Vec<T> value(Vec<T> x, T) {
        return select<T>(x > Vec<T>{}, broadcast(T(scale)) * x, broadcast(T(scale * alpha)) * vexpm1<T>(x));
    }
    template <class T> STEEPEST_INLINE static Vec<T> gradient(Vec<T> y, Vec<T> dy, T) {
        return select<T>(y > Vec<T>{}, broadcast(T(scale)), y + broadcast(T(scale * alpha))) * dy;
    }
};

// y (1 - y)
struct Sigmoid : Smooth {
    static constexpr const char* name = "sigmoid";
    template <class T> STEEPEST_INLINE static Vec<T> value(Vec<T> x, T) { return vsigmoid<T>(x); }
    template <class T> STEEPEST_INLINE static Vec<T> gradient(Vec<T> y, Vec<T> dy, T) {
        return quadratic_gradient<T>(y, dy, -1, 1, 0);
    }
};

// 1 - y^2
struct Tanh : Smooth {
    static constexpr const char* name = "tanh";
    template <class T> STEEPEST_INLINE static Vec<T> value(Vec<T> x, T) { return vtanh<T>(x); }
    template <class T> STEEPEST_INLINE static Vec<T> gradient(Vec<T> y, Vec<T> dy, T) {
        return quadratic_gradient<T>(y, dy, -1, 0, 1);
    }
};

// height * tanh(stretch * x): 1 at 1 and -1 at -1 (LeCun et al., Efficient BackProp, 1998).
struct LeCunTanh : Smooth {
    static constexpr const char* name = "lecun_tanh";
    static constexpr double height = 1.7159, stretch = 2.0 / 3;
    template <class T> STEEPEST_INLINE static Vec<T> value(Vec<T> x, T) {
        return broadcast(T(height)) * vtanh<T>(broadcast(T(stretch)) * x);
    }
    template <class T> STEEPEST_INLINE static Vec<T> gradient(Vec<T> y, Vec<T> dy, T) {
        return quadratic_gradient<T>(y, dy, T(-stretch / height), 0, T(height * stretch));
    }
};

// Its derivative is sigmoid(x) = 1 - exp(-y).
struct Softplus : Smooth {
    static constexpr const char* name = "softplus";
    static constexpr bool gradient_in_tile = false;
    template <class T> STEEPEST_INLINE static Vec<T> value(Vec<T> x, T) { return vsoftplus<T>(x); }
    template <class T> STEEPEST_INLINE static Vec<T> gradient(Vec<T> y, Vec<T> dy, T) {
        return dy * -vexpm1<T>(-y);
    }
};

// Not monotonic, so that its value does not tell its derivative.
struct GELU : Smooth {
    static constexpr const char* name = "gelu";
    static constexpr bool reads_input = true, gradient_in_tile = false;
    template <class T> STEEPEST_INLINE static Vec<T> value(Vec<T> x, T) { return vgelu<T>(x); }
    template <class T> STEEPEST_INLINE static Vec<T> gradient(Vec<T> x, Vec<T> dy, T) {
        return dy * vgelu_slope<T>(x);
    }
};

// x sigmoid(x), with x cut where the product has long been x or 0, so that no infinity meets a 0.
struct SiLU : Smooth {
    static constexpr const char* name = "silu";
    static constexpr bool reads_input = true, gradient_in_tile = false;
    static constexpr int far = 1000; // exp(-1000) is 0 in either type

    template <class T> STEEPEST_INLINE static Vec<T> value(Vec<T> x, T) {
        return maximum(broadcast(T(-far)), x) * vsigmoid<T>(x);
    }
    // s + x s (1 - s) for s = sigmoid(x); 1 - s is sigmoid(-x), which does not cancel.
    template <class T> STEEPEST_INLINE static Vec<T> gradient(Vec<T> x, Vec<T> dy, T) {
        const Vec<T> s = vsigmoid<T>(x), rest = vsigmoid<T>(-x);
        const Vec<T> cut = minimum(broadcast(T(far)), maximum(broadcast(T(-far)), x));
        return dy * fma(cut * s, rest, s);
    }
};

// x tanh(softplus(x)), x cut as in SiLU. With w = exp(x) and n = w (w + 2), tanh(softplus(x)) is n / (n + 2),
// and its derivative 4 w (1 + w) / (n + 2)^2; e = exp(-|x|) is w below 0, and above, all is divided by w^2
// and w^4.
struct Mish : Smooth {
    static constexpr const char* name = "mish";
    static constexpr bool reads_input = true, gradient_in_tile = false;

    template <class T> struct Parts {
        Vec<T> e, low, cut, above, below; // e below 0, and 1 above; x, cut; n and n + 2
    };
    template <class T> STEEPEST_INLINE static Parts<T> parts(Vec<T> x) {
        const Vec<T> one = broadcast(T(1)), two = broadcast(T(2)), far = broadcast(T(SiLU::far));
        const Vec<T> e = exp_in_range<T>(maximum(broadcast(Format<T>::exp_is_zero), minus_abs<T>(x)));
        const auto negative = x < Vec<T>{};
        const Vec<T> above = select<T>(negative, e * (e + two), fma(two, e, one));
        const Vec<T> rest = two * select<T>(negative, one, e * e);
        return {e, select<T>(negative, one, e), minimum(far, maximum(-far, x)), above, above + rest};
    }
    template <class T> STEEPEST_INLINE static Vec<T> value(Vec<T> x, T) {
        const Parts<T> p = parts<T>(x);
        return maximum(broadcast(T(-SiLU::far)), x) * (p.above / p.below);
    }
    template <class T> STEEPEST_INLINE static Vec<T> gradient(Vec<T> x, Vec<T> dy, T) {
        const Parts<T> p = parts<T>(x);
        const Vec<T> slope = broadcast(T(4)) * p.e * p.low * (broadcast(T(1)) + p.e) / (p.below * p.below);
        return dy * fma(p.cut, slope, p.above / p.below);
    }
};

using Activations =
    Types<Identity, ReLU, Sigmoid, Tanh, LeakyReLU, ELU, SELU, LeCunTanh, Softplus, GELU, SiLU, Mish>;

// visit(A{}) for the struct of an activation.
template <class F> STEEPEST_INLINE void with_activation(Activation activation, F visit) {
    with_type(Activations{}, int(activation), visit);
}

// The same for what a product applies to the sums in its tile: the activation, or nothing yet; and for those
// whose gradient it applies.
template <class F> STEEPEST_INLINE void with_tile_value(Activation activation, F visit) {
    with_activation(activation, [&](auto a) __attribute__((always_inline)) {
        if constexpr (decltype(a)::value_in_tile)
            visit(a);
        else
            visit(Identity{});
    });
}

template <class F> STEEPEST_INLINE void with_tile_gradient(Activation activation, F visit) {
    with_activation(activation, [&](auto a) __attribute__((always_inline)) {
        if constexpr (decltype(a)::gradient_in_tile) visit(a);
    });
}

// Whether the rest is a pass over finished columns.
STEEPEST_INLINE bool value_comes_later(Activation activation) {
    bool later = true;
    with_activation(activation, [&](auto a) { later = !decltype(a)::value_in_tile; });
    return later;
}
STEEPEST_INLINE bool gradient_in_tile(Activation activation) {
    bool in_tile = false;
    with_activation(activation, [&](auto a) { in_tile = decltype(a)::gradient_in_tile; });
    return in_tile;
}

template <class... A> constexpr ActivationTraits activation_traits[] = {{A::name, A::reads_input}...};

template <class... A> constexpr List<ActivationTraits> activations_of(Types<A...>) {
    return {activation_traits<A...>, Types<A...>::count};
}

} // namespace
} // namespace steepest
