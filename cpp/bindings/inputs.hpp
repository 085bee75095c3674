// Check: what a network is made of and what it learns from, as Python hands it over.
#pragma once

#include "bindings/arrays.hpp"
#include "training/trainer.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace steepest::python {

using ParameterList = std::vector<std::pair<py::array, py::object>>; // weight, bias or None

// A stage, with the mask that it looks at.
struct BoundStage {
    Stage stage;
    py::array_t<bool, py::array::c_style> mask;
};
using StageList = std::vector<BoundStage>;

inline std::vector<Stage> stages_from(const StageList& bound) {
    std::vector<Stage> stages;
    for (const auto& one : bound) stages.push_back(one.stage);
    return stages;
}

// Arrays that belong to the stages of a network that learn, kept alive with the views of them.
template <class T> struct ParameterSet {
    ParameterList owners;
    std::vector<Parameters<T>> views;

    ParameterSet(const StageList& stages, ParameterList arrays) : owners(std::move(arrays)) {
        for (const auto& bound : stages) {
            const Stage& stage = bound.stage;
            if (!stage.has_parameters()) continue;
            if (views.size() == owners.size()) refuse("fewer parameters than stages that learn");
            auto& [weight, bias] = owners[views.size()];
            Parameters<T> view{writable<T>(weight, stage.weight_rows(), stage.outputs, "weight"), nullptr};
            if (!bias.is_none()) {
                auto array = py::cast<py::array>(bias);
                view.bias = writable<T>(array, stage.outputs, "bias");
            } else if (!stage.is_dense()) {
                refuse(std::string("a ") + stage.kind->name + " needs a bias");
            }
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

// How a network learns, what the optimizer keeps, and the number of updates, which each run adds to.
template <class T> struct Learning {
    TrainConfig config;
    std::optional<ParameterSet<T>> first, second;
    py::array steps_owner;
    std::int64_t* steps;
    Index state_start;

    Learning(const StageList& stages, const TrainConfig& how, std::optional<ParameterList> first_,
             std::optional<ParameterList> second_, py::array steps_, Index zero)
        : config(how), steps_owner(std::move(steps_)), steps(writable<std::int64_t>(steps_owner, 1, "steps")),
          state_start(zero) {
        if (first_) first.emplace(stages, std::move(*first_));
        if (second_) second.emplace(stages, std::move(*second_));
        if (config.optimizer.has_first() > first.has_value() ||
            config.optimizer.has_second() > second.has_value())
            refuse("the optimizer needs a state");
    }

    void require_like(const ParameterSet<T>& parameters) const {
        if (first) first->require_like(parameters, "the optimizer's state");
        if (second) second->require_like(parameters, "the optimizer's state");
    }

    OptimizerState<T> state() const {
        OptimizerState<T> state;
        if (config.optimizer.has_first()) state.slots[state.count++] = first->views.data();
        if (config.optimizer.has_second()) state.slots[state.count++] = second->views.data();
        return state;
    }
};

// Running statistics of the batch_norms of a network, likewise: mean and variance, a row each.
template <class T> struct RunningSet {
    std::vector<py::array> owners;
    std::vector<MatrixView<T>> views;

    RunningSet(const StageList& stages, std::vector<py::array> arrays) : owners(std::move(arrays)) {
        for (const auto& bound : stages) {
            if (!bound.stage.kind->has_statistics()) continue;
            if (views.size() == owners.size()) refuse("fewer running statistics than batch_norms");
            views.push_back(writable<T>(owners[views.size()], bound.stage.kind->running_rows,
                                        bound.stage.outputs, "running"));
        }
        if (views.size() != owners.size()) refuse("more running statistics than batch_norms");
    }
};

// Whether all targets are what the loss can have: fractions, or counts of events.
template <class T> bool all_in_range(LossKind loss, const T* x, Index n) {
    if (loss != LossKind::binary_cross_entropy && loss != LossKind::poisson) return true;
    const T largest = loss == LossKind::poisson ? std::numeric_limits<T>::max() : T(1);
    return in_pieces(n, sizeof(T), [=](Index first, Index count) {
        bool good = true;
        for (Index i = first; i < first + count; ++i) good &= (x[i] >= 0) & (x[i] <= largest);
        return good;
    });
}

// The order of the samples in each epoch, or none given. A copy: an index that changes after its check would
// be one beyond the samples.
struct Orders {
    std::vector<std::int64_t> copy;

    Orders(const py::object& given, Index epochs, Index samples) {
        if (given.is_none()) return;
        const auto rows = py::cast<py::array_t<std::int64_t, py::array::c_style>>(given);
        if (rows.ndim() != 2 || rows.shape(0) < epochs || rows.shape(1) != samples)
            refuse("an order of all samples for each epoch");
        const Input<std::int64_t> orders(rows, "orders");
        copy.resize(std::size_t(epochs * samples));
        const bool good = in_pieces(epochs, double(samples) * sizeof(std::int64_t), [&](Index e, Index n) {
            for (; n > 0; ++e, --n) {
                for (Index i = 0; i < samples; ++i) {
                    const std::int64_t sample = from(orders.rows, e).data[i];
                    if (sample < 0 || sample >= samples) return false;
                    copy[std::size_t(e * samples + i)] = sample;
                }
            }
            return true;
        });
        if (!good) refuse("an order holds what is no sample");
    }
    const std::int64_t* data() const { return copy.empty() ? nullptr : copy.data(); }
};

// Averaged parameters, and the number of updates, which each run adds to.
template <class T> struct AverageSet {
    ParameterSet<T> values;
    py::array updates_owner;
    Average<T> view;

    AverageSet(const StageList& stages, ParameterList arrays, py::array updates, Index start, bool uniform,
               double decay)
        : values(stages, std::move(arrays)), updates_owner(std::move(updates)),
          view{values.views.data(), writable<std::int64_t>(updates_owner, 1, "updates"), start, uniform,
               decay} {}
    AverageSet(const AverageSet&) = delete; // `view` is of this object's own arrays
    AverageSet& operator=(const AverageSet&) = delete;
};

// Sparse rows as (begin, columns, values), so that no kernel reads beyond them: where entries are is copied
// and then checked, since the program may change it at any moment.
template <class T> struct SparseInput {
    std::vector<std::int64_t> begin;
    std::vector<std::int32_t> columns;
    InputVector<T> values;
    Index count = 0;

    SparseInput(const py::tuple& parts, Index features) {
        if (parts.size() != 3) refuse("sparse rows are three arrays");
        const Index begins = py::len(parts[0]), entries = py::len(parts[1]);
        const InputVector<std::int64_t> given_begin(parts[0], begins, "begin");
        const InputVector<std::int32_t> given_columns(parts[1], entries, "columns");
        values = {parts[2], entries, "values"};
        begin = copied(given_begin, begins), columns = copied(given_columns, entries);
        count = begins - 1;
        if (begins < 1 || begin.front() != 0 || begin.back() != entries ||
            !std::is_sorted(begin.begin(), begin.end()))
            refuse("begin does not divide the entries");
        const bool good = in_pieces(count, 4 * double(entries) / double(std::max<Index>(count, 1)),
                                    [&](Index i, Index n) { return ascending(i, i + n, features); });
        if (!good) refuse("columns are not ascending within the features");
    }
    Csr<T> view() const { return {begin.data(), columns.data(), values.data}; }

  private:
    template <class I> static std::vector<I> copied(const InputVector<I>& given, Index n) {
        std::vector<I> copy(static_cast<std::size_t>(n));
        in_pieces(n, sizeof(I), [&](Index i, Index count) {
            std::copy_n(given.data + i, count, copy.data() + i);
            return true;
        });
        return copy;
    }
    bool ascending(Index first, Index last, Index features) const {
        for (Index i = first; i < last; ++i) {
            std::int32_t before = -1;
            for (Index k = begin[std::size_t(i)]; k < begin[std::size_t(i) + 1]; ++k) {
                const std::int32_t column = columns[std::size_t(k)];
                if (column <= before || column >= features) return false;
                before = column;
            }
        }
        return true;
    }
};

// Samples to learn from, kept alive with the views of them. Labels are checked when a batch reads them.
template <class T> struct Data {
    Input<T> x, targets;
    std::optional<SparseInput<T>> sparse;
    Index count;
    InputVector<std::int64_t> labels;
    InputVector<T> weight;

    Data(const py::object& x_, const py::array& targets_, const py::object& weight_, const Loss& loss,
         Index inputs, Index outputs) {
        if (py::isinstance<py::tuple>(x_)) {
            sparse.emplace(py::cast<py::tuple>(x_), inputs);
        } else {
            x = Input<T>(py::cast<py::array>(x_), "x");
            x.require(x.count, inputs, "x");
        }
        count = sparse ? sparse->count : x.count;
        if (count < 1) refuse("no samples");
        weight = InputVector<T>(weight_, count, "weight");
        const bool custom = loss.kind == LossKind::custom;
        if (takes_labels(loss.kind) || (custom && targets_.ndim() == 1)) {
            labels = InputVector<std::int64_t>(targets_, count, "labels");
        } else {
            targets = Input<T>(targets_, "targets");
            targets.require(count, custom ? targets.columns : outputs, "targets");
        }
    }
    Samples<T> samples() const {
        return {x.rows, labels.data, targets.rows, weight.data, count, sparse ? sparse->view() : Csr<T>{}};
    }
};

} // namespace steepest::python
