// Plan: which part of an array each share of a job works on. Functions of sizes and of the share's rank,
// which every thread may call; what all shares get covers the whole once.
#pragma once

#include "base/buffer.hpp"
#include "base/team.hpp"

namespace steepest {

// The indices begin, ..., end - 1.
struct Range {
    Index begin, end;
    [[nodiscard]] Index size() const { return end - begin; }
};

// A part of a matrix.
struct Block {
    Range rows, columns;
};

// A share's part of a matrix, equal to the others' within 8 rows of a cache line: whole lines of columns,
// and pieces of the lines that it shares with its neighbors.
struct Part {
    Block blocks[3];
    int count = 0;
    [[nodiscard]] const Block* begin() const { return blocks; }
    [[nodiscard]] const Block* end() const { return blocks + count; }
};

// How a stage is divided into shares: into blocks of any rows and columns, into whole columns, because it
// needs all samples of one, or into whole rows.
enum class Division { blocks, columns, rows };

// Weight rows of one term of a penalty or a norm, whatever the threads: so their sum has one order.
constexpr Index term_rows = 8;

// Columns of a stage between two questions whether to stop: whole blocks of every kernel.
constexpr Index columns_between_polls = 480;

// The part of n for one of `parts`, in whole multiples of `grain` but for the end.
[[nodiscard]] Range chunk(Index n, Index grain, int part, int parts);

// A share's chunk of so many rows.
[[nodiscard]] inline Range row_chunk(Index rows, Index grain, const Share& share) {
    return share.size == 1 ? Range{0, rows} : chunk(rows, grain, share.rank, share.size);
}

// A share's chunk of so many columns: whole cache lines, so that no two shares write to one.
template <class T> [[nodiscard]] Range column_chunk(Index columns, const Share& share) {
    if (share.size == 1) return {0, columns};
    return chunk(columns, Index(cache_line / sizeof(T)), share.rank, share.size);
}

// A share's part of a matrix whose columns are split.
template <class T> [[nodiscard]] Part partition_columns(Index rows, Index columns, const Share& share);

// Whether so many columns have a cache line for each share.
template <class T> [[nodiscard]] bool splits_columns(Index columns, int shares) {
    return columns > Index(cache_line / sizeof(T)) * (shares - 1);
}

} // namespace steepest
