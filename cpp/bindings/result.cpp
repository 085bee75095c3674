// What comes of a run.
#include "bindings/calls.hpp"
#include "training/config.hpp"

#include <pybind11/stl.h>

#include <utility>

namespace steepest::python {
namespace {

const char* name_of(Status status) {
    switch (status) {
    case Status::finished:
        return "finished";
    case Status::cancelled:
        return "cancelled";
    case Status::diverged:
        return "diverged";
    case Status::overflowed:
        return "overflowed";
    case Status::invalid_label:
        return "invalid_label";
    }
    return "";
}

} // namespace

void bind_result(py::module_& m) {
    py::class_<Result>(m, "Result")
        .def_readonly("losses", &Result::losses)
        .def_readonly("seconds", &Result::seconds)
        .def_property_readonly("status", [](const Result& r) { return name_of(r.status); })
        .def_readonly("step", &Result::step)
        .def_property_readonly("sums",
                               [](const Result& r) { return std::make_pair(r.sums.loss, r.sums.weight); });
}

} // namespace steepest::python
