// Plan: plain data shared by the core and its kernels. No functions here: this header is compiled for every
// instruction set, and an inline function could be linked from the wrong one.
#pragma once

#include <cstddef>
#include <cstdint>

// In a checked build (CMake's STEEPEST_CHECKED) views know their extents, and what leaves them ends the
// program with a message: 0 <= begin <= end <= limit must hold. Otherwise nothing of this is compiled.
#ifdef STEEPEST_CHECKED
extern "C" void steepest_check(const char* what, std::ptrdiff_t begin, std::ptrdiff_t end,
                               std::ptrdiff_t limit, const char* file, int line);
#define STEEPEST_CHECK(what, begin, end, limit) steepest_check(what, begin, end, limit, file, line)
// One more parameter of a function that checks: where it was called.
#define STEEPEST_CALLER , const char *file = __builtin_FILE(), int line = __builtin_LINE()
#else
#define STEEPEST_CHECK(what, begin, end, limit) void()
#define STEEPEST_CALLER
#endif

namespace steepest {

using Index = std::ptrdiff_t;

// Rows a multiple of so many bytes apart fall into the same sets of an 8-way 32 KiB cache and evict each
// other.
constexpr Index aliasing_stride = 2048;

// Layers of fewer outputs are narrow: vectors along a row of them would be partly empty.
template <class T> constexpr Index narrow_outputs = 64 / sizeof(T);

// Of a narrow layer's weight, as much as meets a few rows at a time: it stays in a first-level cache of 32
// KiB.
constexpr Index dot_bytes = 12 << 10;

// Those with a parameter - the slope of leaky_relu, the alpha of elu - take it as `slope`.
enum class Activation : int { identity, relu, sigmoid, tanh, leaky_relu, elu, lecun_tanh, softplus, gelu };

enum class LossKind : int {
    softmax,
    hinge,
    squared_hinge,
    squared_error,
    absolute_error,
    huber,
    binary_cross_entropy,
    poisson,
    custom, // computed by the program; no kernel knows it
};

enum class Function : int { exp, log, sigmoid, tanh };

// Which draws a dropout takes: element (row, column) of a batch, for a seed, a step and a stream of its own.
struct DropoutKey {
    std::uint64_t seed;
    std::uint32_t step, stream;
    std::uint32_t threshold; // draws below it are dropped
    double scale;            // what the others are multiplied by
};

// Rows of a row-major matrix: element (i, j) is data[i * stride + j]. Its extents only where they are
// checked: views go to kernels by value, and with them a small training step took 2.5 % more instructions.
template <class T> struct MatrixView {
    T* data;
    Index stride;
#ifdef STEEPEST_CHECKED
    static constexpr Index unbounded = PTRDIFF_MAX;
    Index rows = unbounded, columns = unbounded; // that there are, from data on
#endif
};

enum class Rule : int { sgd, rmsprop, adam };

// A slot is what an optimizer keeps of each parameter, in an array like the parameter. No rule has more.
constexpr int most_slots = 4;

// The slots of a weight, and of contiguous elements: as many as the rule of an update has; the others are not
// looked at.
template <class T> struct WeightSlots {
    MatrixView<T> slot[most_slots] = {};
};
template <class T> struct RowSlots {
    T* slot[most_slots] = {};
};

// One update of a weight w by its gradient, the numbers those of this step:
//
//   g = dL/dw + l2_slope * w + l1 * sign(w), clamped to [-clip, clip], times scale
//   sgd:      v = momentum * v - learning_rate * g;  w += nesterov ? momentum * v - learning_rate * g : v
//             (without momentum no v is read or written)
//   rmsprop:  s = decay * s + gain * g^2;  w = keep * w - learning_rate * g / (sqrt(s) + epsilon)
//             (with decay and gain 1, AdaGrad)
//   adam:     v = momentum * v + (1 - momentum) * g;  s as above;  the same with v in place of g
//   at last:  w = sign(w) * max(|w| - threshold, 0)
//
// Slots are those of v and s that the rule has, in this order.
//
// `plain` says that the rule is sgd, and that clip, scale and threshold change nothing and are not looked at.
template <class T> struct Update {
    T learning_rate;
    T momentum;
    T l2_slope; // 2 * strength of sum(w^2)
    T l1;       // strength of sum|w|
    bool nesterov;
    bool plain = true;
    Rule rule = Rule::sgd;
    T first_gain = 0; // 1 - momentum
    T decay = 0, gain = 0, epsilon = 0, keep = 1;
    T clip = __builtin_huge_val(), scale = 1, threshold = 0;
    bool* overflow = nullptr; // set where a new w, v or s is not finite; null: nobody looks
};

} // namespace steepest
