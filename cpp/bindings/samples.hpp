// Check: samples to learn from, as Python hands them over.
#pragma once

#include "bindings/descriptions.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

namespace steepest::python {

// Whether all targets are what the loss can have: fractions, or counts of events.
template <class T> bool all_in_range(LossKind loss, const T* x, Index n) {
    const LossTraits& traits = traits_of(loss);
    const T least = T(traits.smallest_target), most = T(traits.largest_target);
    if (least < std::numeric_limits<T>::lowest()) return true; // any
    return in_pieces(n, sizeof(T), [=](Index first, Index count) {
        bool good = true;
        for (Index i = first; i < first + count; ++i) good &= (x[i] >= least) & (x[i] <= most);
        return good;
    });
}

// Numbers of 0..end-1. A copy: one that changes after its check would be beyond what it counts.
inline std::vector<std::int64_t> indices(const py::array& given, Index n, std::int64_t end,
                                         const char* what) {
    const InputVector<std::int64_t> vector(given, n, what);
    std::vector<std::int64_t> copy(vector.data, vector.data + n);
    if (std::any_of(copy.begin(), copy.end(), [=](std::int64_t i) { return i < 0 || i >= end; }))
        refuse(std::string(what) + " holds an index out of range");
    return copy;
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
        if (!good) refuse("an order holds numbers that are not samples");
    }
    const std::int64_t* data() const { return copy.empty() ? nullptr : copy.data(); }
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
