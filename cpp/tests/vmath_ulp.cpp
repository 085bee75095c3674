// Measures the error of vmath.hpp and gelu.hpp against libm in the next wider format, and fails where a
// stated bound is exceeded.
//
//     vmath_ulp                 every 997th float, a million doubles, and special values: a second
//     vmath_ulp --exhaustive    all 2^32 floats and 16 million doubles: minutes
//
// Compiled once per instruction set, with its flags and its STEEPEST_ISA_*. The hash of all results must be
// equal for AVX2, AVX-512 and NEON. Where long double is no wider than double, the double figures carry
// libm's own error.
#include "tests/vmath_functions.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <thread>
#include <type_traits>
#include <vector>

namespace {

using namespace steepest;

template <class T> using Wider = std::conditional_t<std::is_same_v<T, float>, double, long double>;
template <class T> using Pattern = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;
constexpr double infinity = std::numeric_limits<double>::infinity();

template <class To, class From> To bits_as(From x) {
    static_assert(sizeof(To) == sizeof(From));
    To y;
    std::memcpy(&y, &x, sizeof y);
    return y;
}

// By bits for the sake of speed; a subnormal double is never met where exact results of floats are concerned.
int exponent_of(double x) { return int(bits_as<std::uint64_t>(x) >> 52 & 2047) - 1023; }
int exponent_of(long double x) { return x == 0 ? -20000 : std::ilogb(x); }
double scaled(double x, int exponent) { return x * bits_as<double>(std::uint64_t(exponent + 1023) << 52); }
double scaled(long double x, int exponent) { return double(std::ldexp(x, exponent)); }

// The size of a number in whose ULP an error is told: its own but where it is the difference of larger ones.
template <class F, class W> W size_of(W x, W exact) {
    if constexpr (std::is_same_v<F, GeluSlope>) {
        const W t = magnitude_of(x);
        return x < 0 ? normal_tail_of(t) + t * normal_density_of(t) : exact;
    }
    return exact;
}

// |computed - exact| in units of T's spacing at `size`; infinite for a wrong NaN, infinity or sign of zero.
template <class T> double ulp_error(T computed, Wider<T> exact, Wider<T> size) {
    using Limits = std::numeric_limits<T>;
    if (std::isnan(exact) || std::isnan(computed))
        return std::isnan(exact) == std::isnan(computed) ? 0 : infinity;
    const bool zero = size == exact && (exact == 0 || computed == 0);
    if (zero && std::signbit(exact) != std::signbit(computed)) return infinity;
    constexpr Wider<T> beyond = 4 / Wider<T>(Limits::min()); // what would follow the largest finite value
    if (std::fabs(exact) >= beyond)
        return computed == std::copysign(Limits::infinity(), T(exact)) ? 0 : infinity;
    const Wider<T> value =
        std::isinf(computed) ? std::copysign(beyond, Wider<T>(computed)) : Wider<T>(computed);
    const int exponent = std::max(exponent_of(size), Limits::min_exponent - 1);
    return scaled(std::fabs(value - exact), Limits::digits - 1 - exponent);
}

// The arguments of one run, by index, so that chunks of them can be computed in any order.
template <class T> class Arguments {
  public:
    explicit Arguments(bool exhaustive) : exhaustive_(exhaustive) {
        using Limits = std::numeric_limits<T>;
        const T smallest = Limits::min(), largest = Limits::max();
        const T centers[] = {T(0),
                             T(1),
                             smallest,
                             largest,
                             std::log(largest),
                             std::log(smallest),
                             std::log(Limits::denorm_min()) - T(0.7),
                             std::sqrt(T(0.5)),
                             std::sqrt(T(2)),
                             std::log(T(2)) / 2,
                             std::log(T(2)) / 4,
                             T(10),
                             T(20),
                             T(0.25),
                             T(0.5),
                             T(0.75),
                             1 / Limits::epsilon(),
                             Limits::quiet_NaN()};
        for (T center : centers)
            for (int step = -100; step <= 100; ++step) {
                const Pattern<T> bits =
                    bits_as<Pattern<T>>(center) + Pattern<T>(step); // wraps at 0: NaN and -0
                neighbors_.push_back(bits_as<T>(bits));
                neighbors_.push_back(-bits_as<T>(bits));
            }
    }

    std::uint64_t size() const { return neighbors_.size() + spread(); }

    T operator[](std::uint64_t i) const {
        if (i < neighbors_.size()) return neighbors_[i];
        i -= neighbors_.size();
        if constexpr (std::is_same_v<T, float>)
            return bits_as<float>(std::uint32_t(i * (exhaustive_ ? 1 : 997)));
        else
            return random(i);
    }

  private:
    std::uint64_t spread() const {
        if (std::is_same_v<T, float>) return (std::uint64_t(1) << 32) / (exhaustive_ ? 1 : 997);
        return exhaustive_ ? 16'000'000 : 1'000'000;
    }

    // Any pattern; the range where exp is finite; around 1 and 0; all sizes from 2^-64 to 2^11.
    static double random(std::uint64_t i) {
        std::uint64_t z = (i + 1) * 0x9e3779b97f4a7c15; // splitmix64
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        z ^= z >> 31;
        const double unit = double(z >> 11) * 0x1p-52 - 1; // [-1, 1)
        switch (i % 4) {
        case 0:
            return bits_as<double>(z);
        case 1:
            return 750 * unit;
        case 2:
            return 2 * unit;
        default:
            return std::ldexp(unit, int(z % 75) - 64);
        }
    }

    bool exhaustive_;
    std::vector<T> neighbors_;
};

constexpr std::uint64_t fnv_offset = 0xcbf29ce484222325, fnv_prime = 0x100000001b3;

template <class T> struct Worst {
    double error = 0;
    T argument = 0;
    std::uint64_t hash = fnv_offset; // FNV-1a over whole results instead of bytes

    void add(T x, T y, double e) {
        hash = (hash ^ bits_as<Pattern<T>>(y)) * fnv_prime;
        if (e > error) error = e, argument = x;
    }
};

template <class F, class T>
Worst<T> measure(const Arguments<T>& arguments, std::uint64_t first, std::uint64_t last) {
    Worst<T> worst;
    for (std::uint64_t i = first; i < last; i += lanes<T>) {
        const int count = int(std::min<std::uint64_t>(lanes<T>, last - i));
        T x[lanes<T>] = {}, y[lanes<T>];
        for (int lane = 0; lane < count; ++lane) x[lane] = arguments[i + lane];
        store<T>(y, F::template computed<T>(load<T>(x)));
        for (int lane = 0; lane < count; ++lane) {
            const Wider<T> wide = x[lane], exact = F::exact(wide);
            const double error = ulp_error<T>(y[lane], exact, size_of<F>(wide, exact));
            worst.add(x[lane], y[lane], std::isnan(y[lane]) || F::in_range(y[lane]) ? error : infinity);
        }
    }
    return worst;
}

// Two threads over fixed chunks, joined in order: the hash depends on the results alone.
template <class F, class T> bool check(bool exhaustive) {
    constexpr std::uint64_t chunk = 1 << 18;
    const Arguments<T> arguments(exhaustive);
    std::vector<Worst<T>> chunks((arguments.size() + chunk - 1) / chunk);
    std::atomic<std::uint64_t> next{0};
    const auto work = [&] {
        for (std::uint64_t c; (c = next++) < chunks.size();)
            chunks[c] = measure<F, T>(arguments, c * chunk, std::min((c + 1) * chunk, arguments.size()));
    };
    std::thread other(work);
    work();
    other.join();

    Worst<T> worst;
    std::uint64_t hash = fnv_offset;
    for (const Worst<T>& c : chunks) {
        if (c.error > worst.error) worst = c;
        hash = (hash ^ c.hash) * fnv_prime;
    }
    const double bound = F::bounds.template of<T>();
    const bool passed = worst.error <= bound;
    std::printf("%-9s%-7s max %.4f ULP at %a (%.9g), bound %.2f, hash %016llx%s\n", F::name,
                std::is_same_v<T, float> ? "float" : "double", worst.error, double(worst.argument),
                double(worst.argument), bound, (unsigned long long)hash, passed ? "" : "  FAILED");
    std::fflush(stdout);
    return passed;
}

template <class F> bool check_both(bool exhaustive) {
    const bool single = check<F, float>(exhaustive);
    return check<F, double>(exhaustive) && single;
}

} // namespace

bool runs_here() {
#if defined(STEEPEST_ISA_AVX512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#elif defined(STEEPEST_ISA_AVX2)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return true;
#endif
}

int main(int count, char** arguments) {
    const bool exhaustive = count == 2 && std::strcmp(arguments[1], "--exhaustive") == 0;
    if (count > 1 && !exhaustive) return std::fprintf(stderr, "usage: %s [--exhaustive]\n", arguments[0]), 2;
    if (!runs_here()) return std::puts("skipped: this processor lacks the instruction set"), 77;
    bool passed = check_both<Exp>(exhaustive);
    passed &= check_both<Log>(exhaustive);
    passed &= check_both<Sigmoid>(exhaustive);
    passed &= check_both<Tanh>(exhaustive);
    passed &= check_both<Expm1>(exhaustive);
    passed &= check_both<Softplus>(exhaustive);
    passed &= check_both<CosTurns>(exhaustive);
    passed &= check_both<SinTurns>(exhaustive);
    passed &= check_both<Gelu>(exhaustive);
    passed &= check_both<GeluSlope>(exhaustive);
    return passed ? 0 : 1;
}
