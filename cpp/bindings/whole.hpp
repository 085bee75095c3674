// What parts of a batch tell each other, by Python functions that are called while the team waits.
#pragma once

#include "bindings/arrays.hpp"
#include "bindings/descriptions.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace steepest::python {

// Holds a `Whole` of Python's, if there is one, whose `exchange(statistics, back)` is given those of the
// part, (2, columns) in the network's dtype, and returns those of the whole, and whose `on_gradient`, if it
// is not None, is told which gradients are there.
template <class T> class PythonWhole {
  public:
    explicit PythonWhole(const py::object& whole) {
        if (whole.is_none()) return;
        whole_.samples = read<Index>(whole, "samples");
        exchange_ = whole.attr("exchange");
        whole_.exchange = [this](T* first, T* second, Index columns, bool back) {
            return succeeds(error_, "an exchange", [&] { exchange(first, second, columns, back); });
        };
        on_gradient_ = whole.attr("on_gradient");
        if (on_gradient_.is_none()) return;
        whole_.on_gradient = [this](std::size_t d) {
            return succeeds(error_, "on_gradient", [&] { called(on_gradient_, py::make_tuple(d)); });
        };
    }
    PythonWhole(const PythonWhole&) = delete;
    PythonWhole& operator=(const PythonWhole&) = delete;

    const Whole<T>* get() const { return exchange_ ? &whole_ : nullptr; }

    void raise() {
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    }

  private:
    void exchange(T* first, T* second, Index columns, bool back) {
        auto own = new_matrix<T>(2, columns);
        std::copy_n(first, columns, own.mutable_data(0, 0));
        std::copy_n(second, columns, own.mutable_data(1, 0));
        const Input<T> all(py::cast<py::array>(called(exchange_, py::make_tuple(own, back))), "statistics");
        all.require(2, columns, "statistics");
        std::copy_n(from(all.rows, 0).data, columns, first);
        std::copy_n(from(all.rows, 1).data, columns, second);
    }

    py::object exchange_, on_gradient_;
    Whole<T> whole_;
    std::exception_ptr error_;
};

} // namespace steepest::python
