// What tests and benches ask of the core: the machine's peaks, and the random numbers behind draws and
// shuffles.
#include "base/random.hpp"
#include "bindings/calls.hpp"
#include "training/order.hpp"

#include <pybind11/stl.h>

#include <chrono>

namespace steepest::python {
namespace {

// Multiply-adds a second, two floating-point operations each, of `threads` threads: the machine's peak.
template <class T> double multiply_adds(Index iterations, const std::string& isa, int threads) {
    const Choice choice(isa, threads);
    const auto& kernels = kernels_of<T>(choice.table);
    double done = 0; // by the first of equal shares
    const Unlocked unlocked;
    const auto start = std::chrono::steady_clock::now();
    Team team(threads > 0 ? threads : default_threads(), work_to_wake, 1);
    team.each(team.threads(), [&](int rank, int) {
        const double mine = kernels.multiply_add_loop(iterations);
        if (rank == 0) done = mine * team.threads();
    });
    return done / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Bytes a second that `threads` threads read, each its own part of x `passes` times.
template <class T> double read_bandwidth(py::array x_, Index passes, const std::string& isa, int threads) {
    const Choice choice(isa, threads);
    const InputVector<T> x(x_, x_.size(), "x");
    const Index elements = x_.size();
    const auto& kernels = kernels_of<T>(choice.table);
    double done = 0; // by the first of equal shares
    const Unlocked unlocked;
    const auto start = std::chrono::steady_clock::now();
    Team team(threads > 0 ? threads : default_threads(), work_to_wake, 1);
    team.each(team.threads(), [&](int rank, int thread) {
        const Range mine = column_chunk<T>(elements, {rank, team.threads(), thread});
        double read = 0;
        for (Index i = 0; i < passes; ++i) read += kernels.read_loop(x.data + mine.begin, mine.size());
        if (rank == 0) done = read * team.threads() * sizeof(T);
    });
    return done / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace

void bind_machine(py::module_& m) {
    using S = std::string;
    m.def(
        "multiply_adds",
        [](const S& dtype, Index iterations, const S& isa, int threads) {
            return dtype == "float32" ? multiply_adds<float>(iterations, isa, threads)
                                      : multiply_adds<double>(iterations, isa, threads);
        },
        py::arg("dtype"), py::arg("iterations"), py::arg("isa"), py::arg("threads"));
    m.def(
        "read_bandwidth",
        [](const py::array& x, Index passes, const S& isa, int threads) {
            return by_dtype(x, [&](auto t) { return read_bandwidth<decltype(t)>(x, passes, isa, threads); });
        },
        py::arg("x"), py::arg("passes"), py::arg("isa"), py::arg("threads"));
    m.def(
        "philox",
        [](PhiloxCounter counter, PhiloxKey key) { return py::tuple(py::cast(philox(counter, key))); },
        py::arg("counter"), py::arg("key"));
    m.def(
        "shuffle",
        [](Index n, std::uint64_t seed, std::uint64_t epoch) {
            Order order;
            order.reserve(n);
            order.shuffle(n, seed, epoch);
            py::array_t<Index> samples(n);
            for (Index i = 0; i < n; ++i) samples.mutable_data()[i] = order[i];
            return samples;
        },
        py::arg("samples"), py::arg("seed"), py::arg("epoch"));
}

} // namespace steepest::python
