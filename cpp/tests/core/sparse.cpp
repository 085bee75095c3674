// Sparse samples learn the same bits with any number of threads: those of dense ones, or with a penalty that
// is put off, or of a lazy optimizer. So do their scores.
#include "tests/support.hpp"

#include <memory>

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

template <class T> void check_sparse_scores() {
    const SparseSamples<T> samples;
    Model<T> model;
    model.x = samples.dense;
    for (const auto* table : available_kernels())
        for (const Index rows : {Index(1), Model<T>::samples}) {
            const auto expected = model.predict(*table, 1, 0, rows);
            bool same = true;
            for (int threads = 1; threads <= 7; ++threads)
                same &= model.predict(*table, threads, 0, rows, {}, samples.rows()) == expected;
            check(same, std::string("scores of sparse rows are those of dense ones: ") + table->name);
        }
}

// Of the weight row whose feature no sample has, and of all others.
template <class T> void check_lazy() {
    const SparseSamples<T> samples;
    const auto learned = [&](const KernelTable& table, int threads, double clip, Index batch,
                             double lazy = 1) {
        auto model = std::make_unique<Model<T>>();
        Fit<T> how{.table = &table, .threads = threads, .request = epochs_of(2, batch)};
        how.config.optimizer = {rule_named("adam"), {0.9, 0.999, 1e-8, 0, 0, lazy}};
        how.config.clip_norm = clip, how.sparse = samples.rows();
        static_cast<void>(model->fit(how));
        return model;
    };
    const Model<T> before;
    const Index n = before.stages[0].outputs;
    const auto row = [n](const Model<T>& model) {
        const T* const w = model.parameters.views()[0].weight.data + 6 * n;
        return std::vector<T>(w, w + n);
    };
    for (const auto* table : available_kernels())
        for (const double clip : {unlimited, 0.1}) {
            const auto expected = learned(*table, 1, clip, 64), small = learned(*table, 1, clip, 2);
            bool same = true;
            for (int threads = 2; threads <= 7; ++threads)
                same &= learned(*table, threads, clip, 64)->bits() == expected->bits();
            check(same, std::string("lazy updates on any number of threads: ") + table->name);
            check(row(*expected) == row(before), "a lazy update leaves alone what no sample has");
            check(small->bits() != learned(*table, 1, clip, 2, 0)->bits(), "a lazy update is another");
        }
}

template <class T> void check_all() { check_sparse<T>(), check_sparse_scores<T>(), check_lazy<T>(); }

const Concern sparse{"sparse", [] { check_all<float>(), check_all<double>(); }};

} // namespace
} // namespace steepest::tests
