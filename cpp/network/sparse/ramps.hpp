// Plan: the weight rows of a product with ramps, and which share has which. Functions of sizes and of the
// share's rank, which every thread may call.
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

// The first row at or behind a row that does not belong to the ramps of the column before it.
[[nodiscard]] inline Index run_at(const Stage& s, Index row) {
    Index begin = rows_before_ramps(s);
    if (row <= begin) return row;
    for (Index c = 0; begin < row; ++c) begin += s.ramps[c];
    return begin;
}

// A share's weight rows: all ramps of a column stay together.
[[nodiscard]] inline Range own_runs(const Stage& s, const Share& share) {
    const Range own = row_chunk(s.inputs, term_rows, share);
    return {run_at(s, own.begin), run_at(s, own.end)};
}

// visit(Range) for each run of some of these rows: single ones before the ramps, all ramps of a column.
template <class Visit> void for_each_run(const Stage& s, Range rows, Visit visit) {
    Index i = rows_before_ramps(s);
    for (Index row = rows.begin; row < std::min(rows.end, i); ++row) visit(Range{row, row + 1});
    for (Index c = 0; c < s.ramp_columns; i += s.ramps[c++])
        if (i >= rows.begin && i < rows.end) visit(Range{i, i + s.ramps[c]});
}

} // namespace steepest
