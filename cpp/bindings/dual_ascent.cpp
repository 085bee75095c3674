// Dual coordinate ascent of linear models on sparse rows.
#include "training/dual_ascent.hpp"
#include "bindings/calls.hpp"
#include "bindings/samples.hpp"

#include <vector>

namespace steepest::python {
namespace {

// The rows, read once; what is moved comes with each call.
template <class T> class DualAscent {
  public:
    DualAscent(const py::tuple& x, const py::array& targets, const py::array& shares,
               const py::array& squares, py::handle loss, Index features, Index outputs)
        : x_(x, features), shares_(shares, x_.count, "shares"), squares_(squares, x_.count, "squares"),
          rows_{.x = x_.view(),
                .labels = nullptr,
                .targets = {},
                .shares = shares_.data,
                .squares = squares_.data,
                .count = x_.count,
                .features = features,
                .outputs = outputs,
                .loss = loss_from(loss)} {
        if (!has_dual(rows_.loss.kind)) refuse("the loss has no dual");
        if (takes_labels(rows_.loss.kind)) {
            labels_ = indices(targets, x_.count, outputs, "labels");
            rows_.labels = labels_.data();
        } else {
            targets_ = Input<T>(targets, "targets");
            targets_.require(x_.count, outputs, "targets");
            rows_.targets = targets_.rows;
        }
    }

    double ascend(py::array weight, const py::object& bias, double bias_square, py::array gradients,
                  py::array losses, py::array gaps, const py::array& order_, const std::string& isa) const {
        const Choice choice(isa, 1);
        const auto point = point_of(weight, bias, bias_square, gradients, losses, gaps);
        const auto order = indices(order_, py::len(order_), rows_.count, "order");
        double growth = 0;
        interruptibly(work(Index(order.size())), choice, [&](Poller& poller) {
            growth = steepest::ascend(kernels_of<T>(choice.table), rows_, point, order.data(),
                                      Index(order.size()), poller);
            return 1;
        });
        return growth;
    }

    void measure(py::array weight, const py::object& bias, py::array gradients, py::array losses,
                 py::array gaps, const std::string& isa, int threads) const {
        const Choice choice(isa, threads);
        const auto point = point_of(weight, bias, 0, gradients, losses, gaps);
        interruptibly(work(rows_.count), choice, [&](Poller& poller) {
            return steepest::measure(kernels_of<T>(choice.table), choice.threads, rows_, point, poller);
        });
    }

  private:
    DualPoint<T> point_of(py::array& weight, const py::object& bias_, double bias_square,
                          py::array& gradients, py::array& losses, py::array& gaps) const {
        T* bias = nullptr;
        if (!bias_.is_none()) {
            auto array = py::cast<py::array>(bias_);
            bias = writable<T>(array, rows_.outputs, "bias");
        }
        return {writable<T>(weight, rows_.features, rows_.outputs, "weight"),
                bias,
                T(bias_square),
                writable<T>(gradients, rows_.count, rows_.outputs, "gradients"),
                writable<T>(losses, rows_.count, "losses"),
                writable<T>(gaps, rows_.count, "gaps")};
    }
    double work(Index rows) const {
        return double(rows) * double(rows_.outputs) *
               (1 + double(x_.columns.size()) / double(rows_.count + 1));
    }

    const SparseInput<T> x_;
    std::vector<std::int64_t> labels_;
    Input<T> targets_;
    const InputVector<T> shares_, squares_;
    DualRows<T> rows_;
};

template <class T> void bind(py::module_& m, const char* name) {
    using Bound = DualAscent<T>;
    py::class_<Bound>(m, name)
        .def(py::init<const py::tuple&, const py::array&, const py::array&, const py::array&, py::handle,
                      Index, Index>(),
             py::arg("x"), py::arg("targets"), py::arg("shares"), py::arg("squares"), py::arg("loss"),
             py::arg("features"), py::arg("outputs"))
        .def("ascend", &Bound::ascend, py::arg("weight"), py::arg("bias"), py::arg("bias_square"),
             py::arg("gradients"), py::arg("losses"), py::arg("gaps"), py::arg("order"), py::arg("isa"))
        .def("measure", &Bound::measure, py::arg("weight"), py::arg("bias"), py::arg("gradients"),
             py::arg("losses"), py::arg("gaps"), py::arg("isa"), py::arg("threads"));
}

} // namespace

void bind_dual_ascent(py::module_& m) {
    bind<float>(m, "DualAscentFloat32");
    bind<double>(m, "DualAscentFloat64");
}

} // namespace steepest::python
