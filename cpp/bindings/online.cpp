// Linear models that learn from sparse rows as they come.
#include "training/online.hpp"
#include "bindings/calls.hpp"
#include "bindings/samples.hpp"

#include <algorithm>
#include <vector>

namespace steepest::python {
namespace {

// The rows, read once; what is moved comes with each call.
template <class T> class Online {
  public:
    Online(const py::tuple& x, const py::array& labels, const py::array& weight, py::handle loss,
           Index features, Index classes)
        : x_(x, features), labels_(indices(labels, x_.count, classes, "labels")),
          weight_(weight, x_.count, "weight"),
          rows_{x_.view(), labels_.data(), weight_.data,  x_.count,
                features,  classes,        longest_row(), loss_from(loss)} {
        if (!takes_labels(rows_.loss.kind)) refuse("the loss takes no labels");
    }

    double learn(py::array weight, const py::object& bias_, py::array sums, double rate, double floor,
                 double unit, const py::array& order_, const std::string& isa) const {
        const Choice choice(isa, 1);
        const Index columns = rows_.classes == 2 ? 1 : rows_.classes;
        T* bias = nullptr;
        if (!bias_.is_none()) {
            auto array = py::cast<py::array>(bias_);
            bias = writable<T>(array, columns, "bias");
        }
        const OnlinePoint<T> point{writable<T>(weight, rows_.features, columns, "weight"),
                                   bias,
                                   writable<double>(sums, rows_.features + 1, "sums"),
                                   rate,
                                   floor,
                                   unit};
        const auto order = indices(order_, py::len(order_), rows_.count, "order");
        const double entries = double(x_.columns.size()) / double(rows_.count + 1);
        const double work = double(order.size()) * double(rows_.classes) * (1 + entries);
        double loss = 0;
        interruptibly(work, choice, [&](Poller& poller) {
            loss = learn_online(kernels_of<T>(choice.table), kernels_of<double>(choice.table), rows_, point,
                                order.data(), Index(order.size()), poller);
            return 1;
        });
        return loss;
    }

  private:
    Index longest_row() const {
        Index most = 0;
        for (Index i = 0; i < x_.count; ++i) most = std::max(most, x_.view().length(i));
        return most;
    }

    const SparseInput<T> x_;
    const std::vector<std::int64_t> labels_;
    const InputVector<T> weight_;
    const OnlineRows<T> rows_;
};

template <class T> void bind(py::module_& m, const char* name) {
    using Bound = Online<T>;
    py::class_<Bound>(m, name)
        .def(py::init<const py::tuple&, const py::array&, const py::array&, py::handle, Index, Index>(),
             py::arg("x"), py::arg("labels"), py::arg("weight"), py::arg("loss"), py::arg("features"),
             py::arg("classes"))
        .def("learn", &Bound::learn, py::arg("weight"), py::arg("bias"), py::arg("sums"), py::arg("rate"),
             py::arg("floor"), py::arg("unit"), py::arg("order"), py::arg("isa"));
}

} // namespace

void bind_online(py::module_& m) {
    bind<float>(m, "OnlineFloat32");
    bind<double>(m, "OnlineFloat64");
}

} // namespace steepest::python
