// Plan: which part of an array each share of a job works on.
#include "network/partition.hpp"

#include <algorithm>

namespace steepest {

Range chunk(Index n, Index grain, int part, int parts) {
    const Index pieces = (n + grain - 1) / grain;
    const Index size = pieces / parts, longer = pieces % parts;
    const Index begin = part * size + std::min<Index>(part, longer);
    const Index end = begin + size + (part < longer);
    return {std::min(n, begin * grain), std::min(n, end * grain)};
}

template <class T> Part partition_columns(Index rows, Index columns, const Share& share) {
    const Index line = cache_line / sizeof(T), lines = (columns + line - 1) / line;
    struct Place {
        Index line, row;
    };
    // Where part k begins, counted down the rows of line after line; to a multiple of 8 rows.
    const auto place = [=](int k) {
        const Index at = lines * rows * k / share.size, row = (at % rows + 4) / 8 * 8;
        return row < rows ? Place{at / rows, row} : Place{at / rows + 1, 0};
    };
    const Place first = place(share.rank),
                last = share.rank + 1 < share.size ? place(share.rank + 1) : Place{lines, 0};
    Part part;
    const auto add = [&](Index first_row, Index last_row, Index first_line, Index last_line) {
        if (first_row < last_row && first_line < last_line)
            part.blocks[part.count++] = {{first_row, last_row},
                                         {first_line * line, std::min(last_line * line, columns)}};
    };
    if (first.line == last.line) {
        add(first.row, last.row, first.line, first.line + 1);
        return part;
    }
    const bool shared = first.row > 0;
    if (shared) add(first.row, rows, first.line, first.line + 1);
    add(0, rows, first.line + shared, last.line);
    add(0, last.row, last.line, last.line + 1);
    return part;
}

template Part partition_columns<float>(Index, Index, const Share&);
template Part partition_columns<double>(Index, Index, const Share&);

} // namespace steepest
