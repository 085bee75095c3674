// A loss of the program's own that calls the kernel of another for the whole batch gives its bits, and it may
// end the fit.
#include "tests/support.hpp"

namespace steepest::tests {
namespace {

template <class T> void check_custom_loss() {
    const auto& kernels = kernels_of<T>(best());
    CustomLoss<T> own;
    std::vector<double> losses(static_cast<std::size_t>(Model<T>::samples));
    Index calls = 0, last = 1000;
    own.compute = [&](const LossInput<T>& b, double* loss) {
        const double scale = 1 / double(b.rows);
        LossRows<T> batch{};
        batch.scores = b.scores, batch.labels = b.labels, batch.gradient = b.gradient;
        batch.scale = scale, batch.value = losses.data(), batch.rows = b.rows;
        batch.classes = Model<T>::classes;
        kernels.loss(batch);
        *loss = 0;
        for (Index i = 0; i < b.rows; ++i) *loss += losses[std::size_t(i)] * scale;
        return ++calls < last;
    };
    for (const int threads : {1, 2, 7}) {
        Model<T> model, expected, cut;
        Fit<T> how{.threads = threads, .config = adam_with_penalties(3), .weighted = false};
        expected.fit(how);
        how.custom = &own;
        model.fit(how);
        check(model.bits() == expected.bits(), "a custom loss with " + std::to_string(threads) + " threads");
        calls = 0, last = 1;
        const Result ended = cut.fit(how);
        check(ended.status == Status::cancelled && cut.bits() == Model<T>().bits(), "it ends a fit");
        calls = 0, last = 1000;
    }
}

const Concern custom_loss{"custom_loss", [] { check_custom_loss<float>(), check_custom_loss<double>(); }};

} // namespace
} // namespace steepest::tests
