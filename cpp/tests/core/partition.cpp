// Every element of a matrix belongs to one share, and the shares are alike.
#include "network/partition.hpp"
#include "tests/support.hpp"

namespace steepest::tests {
namespace {

// Adds one to the owners of what a part covers; returns its size in rows of lines.
Index cover(const Part& part, Index columns, std::vector<int>& owners) {
    Index units = 0;
    for (const Block& b : part) {
        units += b.rows.size() * ((b.columns.size() + 15) / 16);
        for (Index i = b.rows.begin; i < b.rows.end; ++i)
            for (Index j = b.columns.begin; j < b.columns.end; ++j) ++owners[std::size_t(i * columns + j)];
    }
    return units;
}

void check_partition() {
    bool whole = true, alike = true;
    for (const Index rows : {1, 7, 8, 64, 1000})
        for (const Index columns : {1, 15, 16, 17, 100, 256, 1000})
            for (const int size : {1, 2, 3, 4, 7}) {
                std::vector<int> owners(std::size_t(rows * columns), 0);
                const Index lines = (columns + 15) / 16, fair = lines * rows / size;
                for (int rank = 0; rank < size; ++rank) {
                    const Index units =
                        cover(partition_columns<float>(rows, columns, Share{rank, size, 0}), columns, owners);
                    if (rows >= 8) alike &= std::abs(double(units - fair)) <= 9;
                }
                for (const int n : owners) whole &= n == 1;
            }
    check(whole, "parts cover a matrix once");
    check(alike, "parts are alike");
}

const Concern partition{"partition", check_partition};

} // namespace
} // namespace steepest::tests
