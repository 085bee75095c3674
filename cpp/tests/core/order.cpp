// Random numbers and orders: the known answer, shuffles in 4 and 8 bytes, and orders that are given.
#include "tests/support.hpp"

#include <algorithm>

namespace steepest::tests {
namespace {

void check_philox() {
    check(philox({0, 0, 0, 0}, {0, 0}) == PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
          "philox, known answer");
}

void check_widths() {
    std::vector<Index> wide(1000);
    shuffle(wide.data(), 1000, 7, 3);
    Order order;
    order.reserve(1000);
    order.shuffle(1000, 7, 3);
    bool same = true;
    for (Index i = 0; i < 1000; ++i) same &= order[i] == wide[std::size_t(i)];
    order.in_sequence();
    check(same && order[999] == 999, "an order in 4 bytes a sample is that in 8");
    std::sort(wide.begin(), wide.end());
    bool all = true;
    for (Index i = 0; i < 1000; ++i) all &= wide[std::size_t(i)] == i;
    check(all, "a shuffle is a permutation");
}

// Orders that are given in place of shuffles: one for each epoch.
template <class T> void check_given() {
    constexpr Index n = Model<T>::samples, epochs = 3;
    std::vector<std::int64_t> shuffles(std::size_t(epochs * n)), sequence;
    for (Index epoch = 0; epoch < epochs; ++epoch)
        shuffle(shuffles.data() + epoch * n, n, 7, std::uint64_t(epoch));
    for (Index i = 0; i < epochs * n; ++i) sequence.push_back(i % n);
    const auto learned = [&](bool shuffled, const std::vector<std::int64_t>* orders) {
        Model<T> model(true);
        Fit<T> how{.request = epochs_of(epochs, 64, shuffled)};
        if (orders) how.request.orders = orders->data();
        check(model.fit(how).status == Status::finished && model.steps == 9, "orders are learned");
        return model.bits();
    };
    const std::string shuffled = learned(true, nullptr), in_sequence = learned(false, nullptr);
    check(learned(false, &shuffles) == shuffled, "given orders act as the shuffles that they are");
    check(learned(false, &sequence) == in_sequence, "a given sequence is no order");
    check(shuffled != in_sequence, "an order acts");
    std::swap(shuffles[0], shuffles[std::size_t(n - 1)]); // to another batch of the first epoch
    check(learned(false, &shuffles) != shuffled, "each place in an order acts");
}

const Concern order{"order", [] {
                        check_philox(), check_widths();
                        check_given<float>(), check_given<double>();
                    }};

} // namespace
} // namespace steepest::tests
