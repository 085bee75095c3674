// Training learns the same bits on every instruction set and number of threads, however it is cut into parts.
#include "tests/support.hpp"

#include <map>

namespace steepest::tests {
namespace {

// AdamW with an elastic net, and an average of the parameters.
template <class T> Fit<T> adam(const Model<T>& model, Index epochs) {
    return {.config = adam_with_penalties(model.parameters.views().size()),
            .request = epochs_of(epochs),
            .rates = {0.01},
            .average = {.start = 2},
            .averaged = true};
}

template <class T> void check_bits(bool every_kind) {
    std::map<bool, std::string> expected; // by whether the instruction set has a fused multiply-add
    for (const auto* table : available_kernels())
        for (const int threads : {1, 2, 3, 4, 7}) {
            Model<T> model(every_kind);
            Fit<T> how = adam(model, 6);
            how.table = table, how.threads = threads;
            const Result result = model.fit(how);
            auto& bits = expected[is_fused(*table)];
            if (bits.empty()) bits = model.bits();
            check(model.bits() == bits && result.status == Status::finished &&
                      result.losses.back() < result.losses.front(),
                  std::string("training ") + (every_kind ? "every kind " : "") + table->name + " with " +
                      std::to_string(result.threads) + " threads: loss " +
                      std::to_string(result.losses.front()) + " to " + std::to_string(result.losses.back()) +
                      ", bits " + hash(model.bits()));
        }
}

// Epochs of three batches, run whole or in parts of some batches.
template <class T> void check_parts(Index part) {
    constexpr Index epochs = 4;
    Model<T> whole(true), cut(true);
    const Result expected = whole.fit(adam(whole, epochs));
    Result result;
    for (Index epoch = 0; epoch < epochs; ++epoch)
        for (Index from = 0; from < 3; from += part) {
            Fit<T> how = adam(cut, 1);
            how.request.first_epoch = epoch, how.request.first_batch = from, how.request.batches = part;
            if (from) how.request.before = result.sums;
            result = cut.fit(how);
        }
    check(cut.bits() == whole.bits() && result.sums.mean() == expected.losses.back() && cut.updates == 12 &&
              whole.updates == 12,
          "an epoch is the same in parts of " + std::to_string(part));
}

// One batch a fit, not shuffled, is read where it lies; and so many fits of an epoch are as good.
template <class T> void check_full_batches() {
    Model<T> whole(true), cut(true);
    Fit<T> how = adam(whole, 5);
    how.request = epochs_of(5, Model<T>::samples, false);
    whole.fit(how);
    how.request.epochs = 1;
    for (Index epoch = 0; epoch < 5; ++epoch) cut.fit(how);
    check(whole.bits() == cut.bits() && whole.steps == 5, "fits of one batch follow each other");
}

template <class T> void check_training() {
    check_bits<T>(false), check_bits<T>(true);
    for (const Index part : {1, 2, 3}) check_parts<T>(part);
    check_full_batches<T>();
}

const Concern training{"training", [] { check_training<float>(), check_training<double>(); }};

} // namespace
} // namespace steepest::tests
