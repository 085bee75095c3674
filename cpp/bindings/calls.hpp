// Turns: how a call of Python runs - on which kernels, on how many threads, and without the interpreter's
// lock.
#pragma once

#include "bindings/arrays.hpp"

#include <string>

namespace steepest::python {

// f<float> or f<double> by the dtype of the array at hand
template <class F> auto by_dtype(const py::array& a, F f) {
    if (py::isinstance<py::array_t<float>>(a)) return f(float{});
    if (py::isinstance<py::array_t<double>>(a)) return f(double{});
    refuse("expected float32 or float64");
}

// Where the last call of this thread ran: the tests' proof that what was asked for is what ran.
struct LastRun {
    const char* isa = "";
    int threads = 0;
};
LastRun& last_run();

// A run-time choice, as native.py passes it: "" and 0 mean the best and as many as sensible.
struct Choice {
    const KernelTable& table;
    int threads;
    Choice(const std::string& isa, int n) : table(choose_kernels(isa)), threads(n) {}
    void ran(int n) const { last_run() = {table.name, n}; }
};

// run(poller) for so much work: without the interpreter's lock and looking for signals, unless it is quick.
template <class Run> void interruptibly(double work, const Choice& choice, Run run) {
    Watcher signals;
    Poller poller(work > Unlocked::quick ? signals.function() : Poll());
    int size;
    {
        const Unlocked unlocked(work);
        size = run(poller);
    }
    choice.ran(size);
    signals.raise();
}

// The same for a function of elements, visit(first, count), on one thread.
constexpr double time_of_element = 20; // of the dearest, in bytes read or multiply-adds
template <class Visit> void by_elements(Index n, const Choice& choice, Visit visit) {
    in_pieces(n, time_of_element, [&](Index first, Index count) {
        visit(first, count);
        return true;
    });
    choice.ran(1);
}

// m.def with the names of the arguments.
template <class F, class... Names>
void define(py::module_& m, const char* name, F function, Names... arguments) {
    m.def(name, function, py::arg(arguments)...);
}

void bind_network(py::module_& m);
void bind_dual_ascent(py::module_& m);
void bind_online(py::module_& m);
void bind_result(py::module_& m);
void bind_functions(py::module_& m);
void bind_training_functions(py::module_& m);
void bind_machine(py::module_& m);
void bind_random_state(py::module_& m);

} // namespace steepest::python
