// Check: the arrays that a network computes with and learns into, as Python hands them over.
#pragma once

#include "bindings/descriptions.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace steepest::python {

// Arrays that belong to the stages of a network that learn, kept alive with the views of them.
template <class T> struct ParameterSet {
    std::vector<std::pair<py::array, py::object>> owners; // weight, bias or None
    std::vector<Parameters<T>> views;

    // Of objects with a weight and a bias, which may be None.
    ParameterSet(const StageList& stages, py::handle parameters) {
        for (const py::handle one : parameters)
            owners.emplace_back(read<py::array>(one, "weight"), one.attr("bias"));
        for (const auto& bound : stages) {
            const Stage& stage = bound.stage;
            if (!stage.has_parameters()) continue;
            if (views.size() == owners.size()) refuse("fewer parameters than stages that learn");
            auto& [weight, bias] = owners[views.size()];
            const Index rows = stage.weight_rows(), columns = stage.weight_columns();
            Parameters<T> view{writable<T>(weight, rows, columns, "weight"), nullptr};
            if (!bias.is_none()) {
                auto array = py::cast<py::array>(bias);
                view.bias = writable<T>(array, stage.outputs, "bias");
            }
            if (!stage.is_dense() && stage.kind->has_bias == bias.is_none())
                refuse(std::string("a ") + stage.kind->name +
                       (bias.is_none() ? " needs a bias" : " has no bias"));
            views.push_back(view);
        }
        if (views.size() != owners.size()) refuse("more parameters than stages that learn");
    }

    void require_like(const ParameterSet& other, const char* what) const {
        bool same = owners.size() == other.owners.size();
        for (std::size_t i = 0; same && i < owners.size(); ++i)
            same = std::equal(owners[i].first.shape(), owners[i].first.shape() + 2,
                              other.owners[i].first.shape()) &&
                   owners[i].second.is_none() == other.owners[i].second.is_none();
        if (!same) refuse(std::string(what) + " is not like the parameters");
    }
};

// New arrays for the gradient of each stage with parameters, as (weight, bias or None), and views of them.
template <class T>
py::list new_gradients(const StageList& stages, const ParameterSet<T>& like,
                       std::vector<Parameters<T>>& views) {
    py::list arrays;
    for (const auto& bound : stages) {
        if (!bound.stage.has_parameters()) continue;
        auto weight = new_matrix<T>(bound.stage.weight_rows(), bound.stage.weight_columns());
        py::object bias = py::none();
        Parameters<T> view{rows_of(weight), nullptr};
        if (like.views[views.size()].bias) {
            auto sums = py::array_t<T>(bound.stage.outputs);
            view.bias = sums.mutable_data();
            bias = sums;
        }
        views.push_back(view);
        arrays.append(py::make_tuple(weight, bias));
    }
    return arrays;
}

// Running statistics of the stages that have some, likewise: of a batch_norm mean and variance, a row each.
template <class T> struct RunningSet {
    std::vector<py::array> owners;
    std::vector<MatrixView<T>> views;

    RunningSet(const StageList& stages, std::vector<py::array> arrays) : owners(std::move(arrays)) {
        for (const auto& bound : stages) {
            if (!bound.stage.kind->has_statistics()) continue;
            if (views.size() == owners.size()) refuse("fewer statistics than batch_norms");
            views.push_back(writable<T>(owners[views.size()], bound.stage.kind->running_rows,
                                        bound.stage.outputs, "running"));
        }
        if (views.size() != owners.size()) refuse("more statistics than batch_norms");
    }
};

// A number that each run adds to, kept alive.
struct Count {
    py::array owner;
    std::int64_t* value;
    Count(py::array array, const char* what)
        : owner(std::move(array)), value(writable<std::int64_t>(owner, 1, what)) {}
};

// Averaged parameters, and the number of updates.
template <class T> struct AverageSet {
    ParameterSet<T> values;
    Count updates;
    Average<T> view;

    AverageSet(const StageList& stages, py::handle average)
        : values(stages, average.attr("values")), updates(read<py::array>(average, "updates"), "updates") {
        const py::object rule = average.attr("averaging");
        view = {values.views.data(), updates.value, read<Index>(rule, "start"), read<bool>(rule, "uniform"),
                read<double>(rule, "decay")};
    }
    AverageSet(const AverageSet&) = delete; // `view` is of this object's own arrays
    AverageSet& operator=(const AverageSet&) = delete;
};

// How a network learns, what learning keeps, and the number of updates; made once for a state of Python.
template <class T> struct BoundState {
    TrainConfig config;
    py::object custom; // what computes a loss of the caller's own, or None
    std::vector<ParameterSet<T>> slots;
    Count steps;
    Index state_start;
    std::optional<AverageSet<T>> average;

    BoundState(const StageList& stages, py::handle state, py::object function)
        : config(config_from(state.attr("config"))), custom(std::move(function)),
          steps(read<py::array>(state.attr("optimizer"), "steps"), "steps"),
          state_start(read<Index>(state.attr("optimizer"), "state_start")) {
        const py::object optimizer = state.attr("config").attr("optimizer");
        for (const auto& slot :
             slots_from(optimizer, config.optimizer, state.attr("optimizer").attr("slots")))
            slots.emplace_back(stages, slot);
        const py::object averaged = state.attr("average");
        if (!averaged.is_none()) average.emplace(stages, averaged);
    }

    void require_like(const ParameterSet<T>& parameters) const {
        for (const auto& slot : slots) slot.require_like(parameters, "the optimizer's state");
        if (average) average->values.require_like(parameters, "the average");
    }

    OptimizerState<T> state() const {
        OptimizerState<T> views;
        for (const auto& slot : slots) views.slots[views.count++] = slot.views.data();
        return views;
    }
};

} // namespace steepest::python
