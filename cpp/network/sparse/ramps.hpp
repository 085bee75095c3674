// Plan: the weight rows of a product with ramps, the rows of values that it is computed with, and which
// share has which. Functions of sizes and of the share's rank, which every thread may call.
#pragma once

#include "network/partition.hpp"
#include "network/stage.hpp"

#include <algorithm>
#include <numeric>

namespace steepest {

// The most ramps of a column, 0 without any.
[[nodiscard]] inline Index most_ramps(const Stage& s) {
    return s.ramp_columns ? *std::max_element(s.ramps, s.ramps + s.ramp_columns) : 0;
}

// Weight rows before the first ramp.
[[nodiscard]] inline Index rows_before_ramps(const Stage& s) {
    return s.inputs - std::accumulate(s.ramps, s.ramps + s.ramp_columns, Index(0));
}

// Weight rows that belong together, all ramps of a column or a single other one, and the rows of values that
// are made of them: one more for a column, as there is one more knot.
struct RampRun {
    Range rows, values;
};

// visit(RampRun) for each run that begins in a share's chunk of the weight's rows: every run has one owner,
// and those of a share lie one behind the other.
template <class Visit> void for_each_run(const Stage& s, const Share& share, Visit visit) {
    const Range own = row_chunk(s.inputs, term_rows, share);
    Index row = rows_before_ramps(s);
    for (Index i = own.begin; i < std::min(own.end, row); ++i) visit(RampRun{{i, i + 1}, {i, i + 1}});
    for (Index c = 0; c < s.ramp_columns && row < own.end; row += s.ramps[c++])
        if (row >= own.begin) visit(RampRun{{row, row + s.ramps[c]}, {row + c, row + c + s.ramps[c] + 1}});
}

// The rows of values of all runs of a share; none, at a place between those of others, if it has no run.
[[nodiscard]] inline Range own_values(const Stage& s, const Share& share) {
    const auto value_at = [&s](Index row) { // of the first run that begins there or behind
        Index begin = rows_before_ramps(s), c = 0;
        if (row <= begin) return row;
        while (begin < row) begin += s.ramps[c++];
        return begin + c;
    };
    const Range own = row_chunk(s.inputs, term_rows, share);
    return {value_at(own.begin), value_at(own.end)};
}

} // namespace steepest
