// Check: descriptions as Python hands them over, read by the names of their attributes: each crosses here
// once.
#pragma once

#include "bindings/arrays.hpp"
#include "training/trainer.hpp"

#include <memory>
#include <string>
#include <vector>

namespace steepest::python {

// One attribute, as a V.
template <class V> V read(py::handle object, const char* name) { return py::cast<V>(object.attr(name)); }

// A stage, with the mask and the lists that it looks at.
struct BoundStage {
    Stage stage;
    py::array_t<bool, py::array::c_style> mask;
    std::unique_ptr<const std::vector<Index>> ramps, columns;
};
using StageList = std::vector<BoundStage>;

StageList stages_from(py::handle stages);
Loss loss_from(py::handle loss);
Penalty penalty_from(py::handle penalty); // or None
Optimizer optimizer_from(py::handle optimizer);
TrainConfig config_from(py::handle config);
FitRequest request_from(py::handle request); // but for its rates and orders, which live in arrays

// What an optimizer keeps, in the order of its slots, from a mapping by their names.
std::vector<py::object> slots_from(py::handle optimizer, const Optimizer& read, py::handle slots);

} // namespace steepest::python
