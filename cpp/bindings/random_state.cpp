// Orders of samples as numpy.random.RandomState shuffles them, drawn from its own generator without the
// interpreter's lock.
#include "bindings/calls.hpp"
#include "bindings/interpreter.hpp"

#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

namespace steepest::python {
namespace {

// What the capsule of a NumPy BitGenerator points to: numpy/random/bitgen.h, which is a public interface.
struct BitGenerator {
    void* state;
    std::uint64_t (*next_uint64)(void*);
    std::uint32_t (*next_uint32)(void*);
    double (*next_double)(void*);
    std::uint64_t (*next_raw)(void*);
};

// In 0..largest, by rejection of what is beyond, as RandomState draws it; largest below 2^32.
std::uint32_t draw_up_to(std::uint32_t largest, BitGenerator& generator) {
    std::uint32_t mask = largest, value;
    for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
    do value = generator.next_uint32(generator.state) & mask;
    while (value > largest);
    return value;
}

// orders (epochs, samples): row e + 1 is row e, of which `order` is the one before the first, shuffled anew.
void shuffled_orders(const py::capsule& capsule, const py::object& order, py::array orders) {
    if (orders.ndim() != 2 || orders.shape(1) > (Index(1) << 32)) refuse("orders must be a matrix");
    if (!capsule.name() || std::strcmp(capsule.name(), "BitGenerator") != 0)
        refuse("this is not a generator");
    const Index epochs = orders.shape(0), samples = orders.shape(1);
    const InputVector<std::int64_t> first(order, samples, "order");
    const MatrixView<std::int64_t> rows = writable<std::int64_t>(orders, epochs, samples, "orders");
    auto* const generator = capsule.get_pointer<BitGenerator>();
    const std::int64_t* before = first.data;
    std::vector<std::uint32_t> shuffle(static_cast<std::size_t>(samples));
    const Unlocked unlocked(double(samples) * double(epochs) * 10);
    for (Index e = 0; e < epochs; ++e) {
        std::iota(shuffle.begin(), shuffle.end(), 0u);
        for (std::size_t i = shuffle.size(); i-- > 1;)
            std::swap(shuffle[i], shuffle[draw_up_to(std::uint32_t(i), *generator)]);
        std::int64_t* const row = from(rows, e).data;
        for (Index i = 0; i < samples; ++i) row[i] = before[shuffle[std::size_t(i)]];
        before = row;
    }
}

} // namespace

void bind_random_state(py::module_& m) {
    m.def("shuffled_orders", &shuffled_orders, py::arg("generator"), py::arg("order"), py::arg("orders"));
}

} // namespace steepest::python
