// Check: descriptions as Python hands them over, read by the names of their attributes.
#include "bindings/descriptions.hpp"

#include <pybind11/stl.h>

#include <array>
#include <utility>

namespace steepest::python {
namespace {

void read_image(py::handle object, Stage& s) {
    const auto image = read<std::vector<Index>>(object, "image"); // empty but for a pool
    if (image.empty()) return;
    if (image.size() != 5) refuse("a pool needs five sizes");
    s.height = image[0], s.width = image[1], s.channels = image[2];
    s.pooled_height = image[3], s.pooled_width = image[4];
}

BoundStage stage_from(py::handle object) {
    BoundStage bound;
    Stage& s = bound.stage;
    s.kind = &stage_kind(read<std::string>(object, "kind"));
    s.activation = activation_named(read<std::string>(object, "activation"));
    s.inputs = read<Index>(object, "inputs"), s.outputs = read<Index>(object, "outputs");
    s.slope = read<double>(object, "slope"), s.number = read<std::uint32_t>(object, "number");
    s.rate = read<double>(object, "rate"), s.momentum = read<double>(object, "momentum");
    s.epsilon = read<double>(object, "epsilon"), s.partner = read<Index>(object, "partner");
    s.rows = read<Index>(object, "rows");
    read_image(object, s);
    const auto list = [object](const char* name) {
        return std::make_unique<const std::vector<Index>>(read<std::vector<Index>>(object, name));
    };
    bound.ramps = list("ramps"), bound.columns = list("columns");
    s.ramps = bound.ramps->data(), s.ramp_columns = Index(bound.ramps->size());
    s.columns = bound.columns->data(), s.column_count = Index(bound.columns->size());
    const py::object mask = object.attr("mask");
    if (!mask.is_none()) {
        bound.mask = py::cast<py::array_t<bool, py::array::c_style>>(mask);
        if (bound.mask.ndim() != 2 || bound.mask.shape(1) != s.outputs) refuse("mask has another shape");
        s.mask = bound.mask.data(), s.mask_rows = bound.mask.shape(0);
    }
    return bound;
}

// A bound, which None leaves out.
double bound_from(py::handle object, const char* name) {
    const py::object value = object.attr(name);
    return value.is_none() ? unlimited : py::cast<double>(value);
}

} // namespace

StageList stages_from(py::handle stages) {
    StageList list;
    for (const py::handle stage : stages) list.push_back(stage_from(stage));
    return list;
}

Loss loss_from(py::handle object) {
    Loss loss;
    loss.kind = loss_named(read<std::string>(object, "kernel"));
    const py::object number = object.attr("number"); // the name of the field that the kernel computes with
    if (!number.is_none()) loss.number = py::cast<double>(py::getattr(object, number));
    loss.sum = read<bool>(object, "sums"), loss.weighted = read<bool>(object, "weighted");
    return loss;
}

Penalty penalty_from(py::handle penalty) {
    if (penalty.is_none()) return {};
    return {read<double>(penalty, "l2"), read<double>(penalty, "l1"), read<bool>(penalty, "proximal")};
}

Optimizer optimizer_from(py::handle object) {
    Optimizer optimizer;
    optimizer.rule = rule_named(read<std::string>(object, "rule"));
    const auto& names = traits_of(optimizer.rule).given;
    for (int i = 0; i < names.count; ++i) optimizer.given[i] = read<double>(object, names.data[i]);
    return optimizer;
}

std::vector<py::object> slots_from(py::handle optimizer, const Optimizer& read_, py::handle slots) {
    std::vector<py::object> kept;
    for (const py::handle name : optimizer.attr("slots")) {
        if (!slots.contains(name)) refuse("the optimizer needs a state");
        kept.push_back(slots[name]);
    }
    if (kept.size() != std::size_t(slots_of(read_))) refuse("the optimizer needs a state");
    return kept;
}

TrainConfig config_from(py::handle object) {
    TrainConfig config;
    config.loss = loss_from(object.attr("loss"));
    bool any = false;
    for (const py::handle penalty : object.attr("penalties")) {
        any = any || !penalty.is_none();
        config.penalties.push_back(penalty_from(penalty));
    }
    if (!any) config.penalties.clear();
    bool other = false;
    for (const py::handle factor : object.attr("rate_factors")) {
        config.rate_factors.push_back(py::cast<double>(factor));
        other = other || config.rate_factors.back() != 1;
    }
    if (!other) config.rate_factors.clear();
    config.optimizer = optimizer_from(object.attr("optimizer"));
    config.clip_value = bound_from(object, "clip_value"), config.clip_norm = bound_from(object, "clip_norm");
    const py::object constraint = object.attr("constraint");
    if (!constraint.is_none()) config.max_norm = read<double>(constraint, "limit");
    config.penalty_by_batch = read<bool>(object, "penalty_by_batch");
    config.report_scale = read<double>(object, "report_scale");
    config.mean_by_count = read<bool>(object, "mean_by_count");
    return config;
}

FitRequest request_from(py::handle object) {
    FitRequest request;
    request.epochs = read<Index>(object, "epochs"), request.first_epoch = read<Index>(object, "first_epoch");
    request.batch = read<Index>(object, "batch_size"), request.shuffle = read<bool>(object, "shuffle");
    request.seed = read<std::uint64_t>(object, "seed");
    request.first_batch = read<Index>(object, "first_batch");
    const py::object batches = object.attr("batches"); // None: all that there are
    if (!batches.is_none()) request.batches = py::cast<Index>(batches);
    const auto [loss, weight] = read<std::pair<double, double>>(object, "sums");
    request.before = {loss, weight};
    const py::object plateau = object.attr("plateau");
    request.plateau = {read<double>(plateau, "tolerance"), read<double>(plateau, "patience"),
                       read<double>(plateau, "best"), read<double>(plateau, "waited")};
    if (request.batch < 1) refuse("batches need a sample");
    if (request.first_batch < 0 || request.batches < 0) refuse("batches are counted from 0");
    return request;
}

} // namespace steepest::python
