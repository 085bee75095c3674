// Check: what a checked build asks of a kernel's arguments, and how it stands before the kernel.
#pragma once

#include "kernels/optimizers.hpp"
#include "kernels/table.hpp"

namespace steepest {
namespace {

// `file` is the kernel's name: no caller's line is known.
struct Checker {
    const char* file;
    static constexpr int line = 0;

    void range(const char* what, Index begin, Index end, Index limit) const {
        STEEPEST_CHECK(what, begin, end, limit);
    }
    void that(const char* what, bool good) const { range(what, !good, 0, 0); }

    // n elements at p, which kernels take for aligned ones.
    template <class T> void holds(const char* what, const T* p, Index n) const {
        range(what, 0, n, MatrixView<T>::unbounded);
        that(what, n == 0 || (p && reinterpret_cast<std::uintptr_t>(p) % alignof(T) == 0));
    }
    template <class T> void holds(const char* what, MatrixView<T> m, Index rows, Index columns) const {
        if (rows == 0 || columns == 0) return;
        range(what, 0, rows, m.rows);
        range(what, 0, columns, m.columns);
        holds(what, m.data, rows * columns);
    }
    template <class... P> void all_hold(const char* what, Index n, const P*... p) const {
        (holds(what, p, n), ...);
    }
    // The slots that an update uses: holds_it(slot).
    template <class T, class Holds> void slots(const Update<T>& u, Holds holds_it) const {
        bool known = false, descends = false;
        with_rule(u.rule, u.slots, [&](auto rule, auto count) {
            known = count.value == u.slots, descends = decltype(rule)::descends;
        });
        that("a rule that there is, with its slots", known);
        for (int k = 0; k < u.slots; ++k) holds_it(k);
        that("a plain update is one of a rule that descends", !u.plain || descends);
    }
};

// A kernel behind a function that looks first.
template <class Kernel, Kernel kernel, auto check> struct Checked;
template <class R, class... A, R (*kernel)(A...), auto check> struct Checked<R (*)(A...), kernel, check> {
    static R call(A... a) {
        check(a...);
        return kernel(a...);
    }
};

} // namespace
} // namespace steepest
