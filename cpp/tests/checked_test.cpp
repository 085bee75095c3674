// What a checked build must not let pass, each in a process of its own, which must abort; and that what is
// right passes. Prints one line a check; exit status 1 if one fails.
#include "base/buffer.hpp"
#include "kernels/dispatch.hpp"

#include <csignal>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace steepest;

namespace {

int failures = 0;

template <class F> void check(const char* what, bool aborts, F body) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        if (aborts && !std::freopen("/dev/null", "w", stderr)) _exit(1);
        body();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    const bool good = aborts ? WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT : status == 0;
    std::printf("%s %s\n", good ? "ok  " : "FAIL", what);
    failures += !good;
}

// What is made is not needed: only that it can be.
template <class... V> void touch(const V&...) {}

void check_views() {
    Matrix<float> m;
    m.reserve(5, 7);
    check("a matrix in full", false, [&] { touch(m.row(4), m.rows(5), from(m.rows(2), 3, 7)); });
    check("a row beyond a matrix", true, [&] { touch(m.row(5)); });
    check("rows beyond a matrix", true, [&] { touch(m.rows(6)); });
    check("a block below a matrix", true, [&] { touch(from(m.rows(2), 4)); });
    check("a block right of a matrix", true, [&] { touch(from(m.rows(), 0, 8)); });
    check("a block of a block", true, [&] { touch(from(from(m.rows(), 0, 4), 0, 4)); });
    check("a negative row", true, [&] { touch(from(m.rows(3), -1)); });
}

// One kernel call of each kind of fault: 4 samples, 20 inputs, 32 outputs.
template <class T> void check_kernels(const Kernels<T>& kernels) {
    std::vector<T> x(80, T(1)), w(640, T(1)), y(128, T(1)), scratch(std::size_t(kernels.scratch));
    std::vector<double> value(4);
    const auto forward = [&](Index inputs, Index rows) {
        kernels.forward({bounded<const T>({x.data(), 20}, 4, 20),
                         bounded<const T>({w.data(), 32}, inputs, 32), nullptr,
                         bounded<T>({y.data(), 32}, rows, 32), 4, 20, 32, activation_named("relu"), 0},
                        scratch.data());
    };
    check("a product that fits", false, [&] { forward(20, 4); });
    check("a weight of too few rows", true, [&] { forward(19, 4); });
    check("an output of too few rows", true, [&] { forward(20, 3); });

    std::vector<std::int64_t> labels = {0, 31, 5, 2};
    const auto loss = [&] {
        kernels.loss({loss_named("softmax"),
                      0,
                      {y.data(), 32},
                      labels.data(),
                      {},
                      nullptr,
                      1,
                      {y.data(), 32},
                      value.data(),
                      4,
                      32});
    };
    check("labels of classes", false, loss);
    labels[3] = 32;
    check("a label that is no class", true, loss);

    std::int32_t which[] = {0, 3};
    const auto sparse_row_product = [&] {
        kernels.sparse_row_product(x.data(), which, 2, bounded<const T>({y.data(), 32}, 4, 32), w.data(), 32);
    };
    check("a sum of rows", false, sparse_row_product);
    which[1] = 4;
    check("a row that is not there", true, sparse_row_product);

    const Index ramps[] = {2, 1};
    const auto add_curves = [&](Index points) {
        kernels.add_curves(
            {{x.data(), 2}, {x.data(), 2}, ramps, 2, 1, bounded<T>({w.data(), 16}, points, 16), 16},
            {y.data(), 16});
    };
    check("a sum of curves", false, [&] { add_curves(5); });
    check("curves of too few points", true, [&] { add_curves(4); });

    Update<T> adam{};
    adam.rule = rule_named("adam"), adam.slots = 2, adam.plain = false;
    const auto update = [&](T* second) {
        kernels.update(adam, x.data(), w.data(), {{y.data(), second}}, 80);
    };
    check("an update with its states", false, [&] { update(y.data()); });
    check("an update without a state", true, [&] { update(nullptr); });
    check("misaligned elements", true, [&] {
        kernels.all_finite(reinterpret_cast<const T*>(reinterpret_cast<const char*>(x.data()) + 1), 8);
    });
}

} // namespace

int main() {
    check_views();
    for (const auto* table : available_kernels()) {
        check_kernels(table->f32);
        check_kernels(table->f64);
    }
    std::printf("%d failed\n", failures);
    return failures != 0;
}
