// Sparse samples learn the same bits with any number of threads: those of dense ones, or with a penalty that
// is put off.
#include "tests/support.hpp"

namespace steepest::tests {
namespace {

// Samples with empty rows and an empty column.
template <class T> struct SparseSamples {
    std::vector<std::int64_t> begin = {0};
    std::vector<std::int32_t> columns;
    std::vector<T> values, dense;

    SparseSamples() : dense(std::size_t(Model<T>::samples * Model<T>::features), T(0)) {
        const auto x = numbers<T>(Index(dense.size()), 5);
        for (Index i = 0; i < Model<T>::samples; ++i) {
            for (Index j = 0; j < Model<T>::features; ++j) {
                if (i % 10 == 3 || j == 6 || (i + j) % 3) continue;
                const auto place = std::size_t(i * Model<T>::features + j);
                columns.push_back(std::int32_t(j)), values.push_back(x[place]);
                dense[place] = x[place];
            }
            begin.push_back(std::int64_t(columns.size()));
        }
    }
    [[nodiscard]] Csr<T> rows() const { return {begin.data(), columns.data(), values.data()}; }
};

template <class T> void check_sparse() {
    const SparseSamples<T> samples;
    int used = 0;
    const auto learned = [&](const KernelTable& table, int threads, bool sparse, double l2) {
        Model<T> model;
        model.x = samples.dense;
        Fit<T> how{.table = &table, .threads = threads, .request = epochs_of(6)};
        how.config.penalties.assign(model.parameters.views().size(), {l2, 0, false});
        if (sparse) how.sparse = samples.rows();
        used = model.fit(how).threads;
        return model.bits();
    };
    for (const auto* table : available_kernels())
        for (const double l2 : {0.0, 1e-2}) {
            const std::string expected = learned(*table, 1, l2 > 0, l2);
            for (int threads = 1; threads <= 7; ++threads) {
                const bool good = learned(*table, threads, true, l2) == expected;
                check(good, std::string("sparse ") + (l2 > 0 ? "put off " : "as dense ") + table->name +
                                " with " + std::to_string(used) + " threads");
            }
        }
}

const Concern sparse{"sparse", [] { check_sparse<float>(), check_sparse<double>(); }};

} // namespace
} // namespace steepest::tests
