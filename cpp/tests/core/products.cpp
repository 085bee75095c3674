// Products against plain loops, on every instruction set.
#include "operations.hpp"
#include "tests/support.hpp"

namespace steepest::tests {
namespace {

struct Shape {
    Index rows, inputs, outputs;
};

constexpr Shape shapes[] = {{1, 1, 1},      {5, 3, 2},      {8, 48, 48},   {33, 100, 49}, {64, 70, 100},
                            {130, 31, 257}, {40, 2060, 65}, {2060, 9, 50}, {129, 64, 512}};

// The sum of n products of elements `step` apart.
template <class T> double dot(const T* a, Index a_step, const T* b, Index b_step, Index n) {
    double sum = 0;
    for (Index i = 0; i < n; ++i) sum += double(a[i * a_step]) * double(b[i * b_step]);
    return sum;
}

// The largest error, in tolerances; NaN, never written, must not pass.
template <class T> struct Worst {
    double value = 0;
    void compare(T got, double expected, Index depth) {
        const double error = std::fabs(double(got) - expected) / tolerance<T>(depth);
        if (!(error <= value)) value = error;
    }
};

template <class T> void check_products(const KernelTable& table, Shape shape) {
    const auto [rows, inputs, outputs] = shape;
    const auto& kernels = kernels_of<T>(table);
    const auto x = numbers<T>(rows * inputs, 1), w = numbers<T>(inputs * outputs, 2),
               b = numbers<T>(outputs, 3), dy = numbers<T>(rows * outputs, 4);
    const auto unwritten = [](Index n) {
        return std::vector<T>(std::size_t(n), std::numeric_limits<T>::quiet_NaN());
    };
    auto y = unwritten(rows * outputs), dx = unwritten(rows * inputs), dw = unwritten(inputs * outputs),
         db = unwritten(outputs);
    Poller none;
    linear<T>(kernels, 3, {x.data(), inputs}, {w.data(), outputs}, b.data(), {y.data(), outputs}, rows,
              inputs, outputs, none);
    linear_backward<T>(kernels, 3, {x.data(), inputs}, {w.data(), outputs}, {dy.data(), outputs},
                       {dx.data(), inputs}, {dw.data(), outputs}, db.data(), rows, inputs, outputs, none);
    Worst<T> worst;
    const T one = 1;
    for (Index j = 0; j < outputs; ++j) {
        for (Index i = 0; i < rows; ++i)
            worst.compare(y.data()[i * outputs + j],
                          double(b.data()[j]) + dot(x.data() + i * inputs, 1, w.data() + j, outputs, inputs),
                          inputs);
        for (Index k = 0; k < inputs; ++k)
            worst.compare(dw.data()[k * outputs + j], dot(x.data() + k, inputs, dy.data() + j, outputs, rows),
                          rows);
        worst.compare(db.data()[j], dot(dy.data() + j, outputs, &one, 0, rows), rows);
    }
    for (Index i = 0; i < rows; ++i)
        for (Index k = 0; k < inputs; ++k)
            worst.compare(dx.data()[i * inputs + k],
                          dot(dy.data() + i * outputs, 1, w.data() + k * outputs, 1, outputs), outputs);
    check(worst.value <= 1, std::string("products ") + table.name + " " + name_of<T>() + " " +
                                std::to_string(rows) + " x " + std::to_string(inputs) + "-" +
                                std::to_string(outputs));
}

const Concern products{"products", [] {
                           for (const auto* table : available_kernels())
                               for (const Shape shape : shapes) {
                                   check_products<float>(*table, shape);
                                   check_products<double>(*table, shape);
                               }
                       }};

} // namespace
} // namespace steepest::tests
