// Inference: scores against plain loops, and the same bits with any number of threads, a row alone, cut into
// pieces between questions, and through residual blocks.
#include "tests/support.hpp"

namespace steepest::tests {
namespace {

template <class T> std::string bits_of(const std::vector<T>& values) {
    std::string bits;
    append_bits(bits, values);
    return bits;
}

template <class T> std::vector<T> row_of(const std::vector<T>& y, Index i, Index columns) {
    return {y.begin() + i * columns, y.begin() + (i + 1) * columns};
}

// tanh(x @ w + b) of a layer of `outputs`, few and many.
template <class T> void check_formula(Index outputs) {
    Model<T> model({stage("dense", 13, outputs, "tanh")});
    const std::vector<T> p = model.parameters.all();
    for (const auto* table : available_kernels()) {
        const auto y = model.predict(*table, 3, 0, 40);
        double worst = 0;
        for (Index i = 0; i < 40; ++i)
            for (Index j = 0; j < outputs; ++j) {
                double sum = double(p[std::size_t(13 * outputs + j)]);
                for (Index k = 0; k < 13; ++k)
                    sum += double(model.x[std::size_t(i * 13 + k)]) * double(p[std::size_t(k * outputs + j)]);
                const double error = std::fabs(double(y[std::size_t(i * outputs + j)]) - std::tanh(sum));
                if (!(error <= worst)) worst = error;
            }
        check(worst <= tolerance<T>(13), std::string("scores of ") + std::to_string(outputs) + " outputs " +
                                             table->name + " " + name_of<T>());
    }
}

template <class T> void check_bits(const std::string& what, const std::vector<Stage>& stages) {
    Model<T> model(stages);
    const Index outputs = stages.back().outputs, rows = Model<T>::samples;
    for (const auto* table : available_kernels()) {
        const auto expected = model.predict(*table, 1, 0, rows);
        bool finite = true, same = true, alone = true;
        for (const T value : expected) finite &= std::isfinite(value);
        for (const int threads : {1, 2, 3})
            same &= bits_of(model.predict(*table, threads, 0, rows)) == bits_of(expected);
        for (const Index i : {Index(0), Index(77), rows - 1})
            for (const int threads : {1, 2, 3})
                alone &=
                    bits_of(model.predict(*table, threads, i, 1)) == bits_of(row_of(expected, i, outputs));
        const std::string which = what + " " + table->name + " " + name_of<T>();
        check(finite && same, "threads change no score: " + which);
        check(alone, "a row alone has its scores: " + which);
        const auto cut = model.predict(*table, 2, 0, rows, [](double) { return false; });
        check(bits_of(cut) == bits_of(expected), "nor do questions whether to stop: " + which);
    }
}

// A block that adds nothing gives what it takes.
template <class T> void check_residual() {
    std::vector<Stage> stages = {stage("dense", 13, 6), stage("residual_split", 6, 6), stage("dense", 6, 6),
                                 stage("residual_add", 6, 6)};
    stages[1].partner = 3, stages[3].partner = 1;
    Model<T> block(stages), plain({stages[0]});
    const Parameters<T>& inside = block.parameters.views()[1];
    for (Index i = 0; i < 6; ++i)
        for (Index j = 0; j < 6; ++j) inside.weight.data[i * inside.weight.stride + j] = inside.bias[j] = 0;
    for (const Index rows : {1, 50})
        check(bits_of(block.predict(best(), 2, 0, rows)) == bits_of(plain.predict(best(), 2, 0, rows)),
              "a residual block of zeros changes nothing in " + std::to_string(rows) + " rows");
    inside.bias[2] = 1;
    check(bits_of(block.predict(best(), 2, 0, 1)) != bits_of(plain.predict(best(), 2, 0, 1)),
          "and else it does");
}

// A stopped prediction is left, and says nothing of the rows to come.
void check_stop() {
    Model<double> model({stage("dense", 13, 2000), stage("dense", 2000, 1500), stage("dense", 1500, 2)});
    int asked = 0;
    const auto y =
        model.predict(*available_kernels().back(), 1, 0, 150, [&](double) { return ++asked == 1; });
    check(asked == 1 && std::isnan(y.back()), "a prediction can be stopped");
}

template <class T> void check_prediction() {
    for (const Index outputs : {1, 5, 8, 17, 300}) check_formula<T>(outputs);
    check_bits<T>("products", stages_of(false));
    check_bits<T>("every kind", stages_of(true));
    check_bits<T>("wide", {stage("dense", 13, 1500, "relu"), stage("dense", 1500, 1100, "tanh"),
                           stage("dense", 1100, 3)});
    check_residual<T>();
}

const Concern prediction{"prediction", [] {
                             check_prediction<float>(), check_prediction<double>();
                             check_stop();
                         }};

} // namespace
} // namespace steepest::tests
