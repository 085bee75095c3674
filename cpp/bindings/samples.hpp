// Check: what a network is made of and what it learns from, as Python hands it over.
#pragma once

#include "../trainer.hpp"
#include "arrays.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

namespace steepest::python {

using StageTuple = std::tuple<Index, Index, std::string, bool>;      // inputs, outputs, activation, dense
using ParameterList = std::vector<std::pair<py::array, py::object>>; // weight, bias or None

inline std::vector<Stage> stages_from(const std::vector<StageTuple>& tuples) {
    std::vector<Stage> stages;
    for (const auto& [inputs, outputs, activation, dense] : tuples)
        stages.push_back({inputs, outputs, activation_named(activation), dense});
    return stages;
}

// Arrays that belong to the dense stages of a network, kept alive with the views of them.
template <class T> struct ParameterSet {
    ParameterList owners;
    std::vector<Parameters<T>> views;

    ParameterSet(const std::vector<StageTuple>& stages, ParameterList arrays) : owners(std::move(arrays)) {
        for (const auto& [inputs, outputs, activation, dense] : stages) {
            if (!dense) continue;
            if (views.size() == owners.size()) refuse("fewer parameters than dense stages");
            auto& [weight, bias] = owners[views.size()];
            Parameters<T> view{writable<T>(weight, inputs, outputs, "weight"), nullptr};
            if (!bias.is_none()) {
                auto array = py::cast<py::array>(bias);
                view.bias = writable<T>(array, outputs, "bias");
            }
            views.push_back(view);
        }
        if (views.size() != owners.size()) refuse("more parameters than dense stages");
    }

    void require_like(const ParameterSet& other, const char* what) const {
        bool same = owners.size() == other.owners.size();
        for (std::size_t i = 0; same && i < owners.size(); ++i)
            same = std::equal(owners[i].first.shape(), owners[i].first.shape() + 2,
                              other.owners[i].first.shape()) &&
                   owners[i].second.is_none() == other.owners[i].second.is_none();
        if (!same) refuse(std::string(what) + " are not like the parameters");
    }
};

// Averaged parameters, and the number of updates, which each run adds to.
template <class T> struct AverageSet {
    ParameterSet<T> values;
    py::array updates_owner;
    Average<T> view;

    AverageSet(const std::vector<StageTuple>& stages, ParameterList arrays, py::array updates, Index start,
               bool uniform, double decay)
        : values(stages, std::move(arrays)), updates_owner(std::move(updates)),
          view{values.views.data(), writable<std::int64_t>(updates_owner, 1, "updates"), start, uniform,
               decay} {}
    AverageSet(const AverageSet&) = delete; // `view` is of this object's own arrays
    AverageSet& operator=(const AverageSet&) = delete;
};

// Samples to learn from, kept alive with the views of them. Labels are checked when a batch reads them.
template <class T> struct Data {
    Input<T> x, targets;
    InputVector<std::int64_t> labels;
    InputVector<T> weight;

    Data(const py::array& x_, const py::array& targets_, const py::object& weight_, const Loss& loss,
         Index inputs, Index outputs)
        : x(x_, "x"), weight(weight_, x.count, "weight") {
        x.require(x.count, inputs, "x");
        if (x.count < 1) refuse("no samples");
        if (loss.kind == LossKind::squared_error) {
            targets = Input<T>(targets_, "targets");
            targets.require(x.count, outputs, "targets");
        } else {
            labels = InputVector<std::int64_t>(targets_, x.count, "labels");
        }
    }
    Samples<T> samples() const { return {x.rows, labels.data, targets.rows, weight.data, x.count}; }
};

} // namespace steepest::python
