// A loss that is a Python function, called while the team waits.
#pragma once

#include "bindings/arrays.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace steepest::python {

// Holds `evaluate(scores, targets)`, which returns the loss and its gradient in the network's dtype, or None
// if the loss is another. It is given copies, which it may keep when the buffers are used again.
template <class T> class PythonLoss {
  public:
    PythonLoss(py::object evaluate, const Loss& loss, Index outputs, Index target_columns)
        : evaluate_(std::move(evaluate)), outputs_(outputs), loss_{target_columns, {}} {
        if ((loss.kind == LossKind::custom) == evaluate_.is_none())
            refuse("a custom loss comes with its function, and no other");
        loss_.compute = [this](const LossInput<T>& batch, double* value) { return compute(batch, value); };
    }
    PythonLoss(const PythonLoss&) = delete;
    PythonLoss& operator=(const PythonLoss&) = delete;

    const CustomLoss<T>* get() const { return evaluate_.is_none() ? nullptr : &loss_; }

    void raise() {
        if (error_) std::rethrow_exception(error_);
    }

  private:
    bool compute(const LossInput<T>& batch, double* loss) {
        return succeeds(error_, "a loss", [&] {
            const auto scores = copy(batch.scores, batch.rows, outputs_);
            const py::object targets =
                batch.labels ? py::object(py::array_t<std::int64_t>(batch.rows, batch.labels))
                             : py::object(copy(batch.targets, batch.rows, loss_.target_columns));
            const py::tuple result = called(evaluate_, py::make_tuple(scores, targets));
            *loss = py::cast<double>(result[0]);
            const Input<T> gradient(py::cast<py::array>(result[1]), "gradient");
            gradient.require(batch.rows, outputs_, "gradient");
            for (Index i = 0; i < batch.rows; ++i)
                std::copy_n(from(gradient.rows, i).data, outputs_, from(batch.gradient, i).data);
        });
    }

    static py::array_t<T> copy(MatrixView<const T> rows, Index count, Index columns) {
        auto fresh = new_matrix<T>(count, columns);
        for (Index i = 0; i < count; ++i) std::copy_n(from(rows, i).data, columns, fresh.mutable_data(i, 0));
        return fresh;
    }

    py::object evaluate_;
    Index outputs_;
    CustomLoss<T> loss_;
    std::exception_ptr error_;
};

} // namespace steepest::python
