// A kind of stage that only this program knows: what one file of network/stages makes possible. It has a
// weight row, a bias and statistics of each sample, and learns the same bits with any number of threads.
#include "network/stages/stage_type.hpp"
#include "tests/support.hpp"

namespace steepest::tests {
namespace {

// y = x / root * weight + bias, with root = sqrt(mean(x^2) + epsilon) of each sample.
template <class T> struct RowNorm final : StageType<T> {
    void reserve(const Stage&, Index samples, Matrix<T>& saved) const override { saved.reserve(1, samples); }

    void forward(const StageView<T>& at, const Context<T>&, Block y) const override {
        const MatrixView<const T> x = at.input(y.rows.begin);
        for (Index i = y.rows.begin; i < y.rows.end; ++i) {
            const T* const row = x.data + (i - y.rows.begin) * x.stride;
            at.saved().row(0)[i] = inverse_root(at.stage(), row);
            scale(at, row, at.saved().row(0)[i], at.output().row(i));
        }
    }

    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        const Index n = at.stage().inputs;
        const T* const weight = at.parameters().weight.data;
        for (Index i = dx.rows.begin; i < dx.rows.end; ++i) {
            const T *const x = at.input().row(i), *const dy = at.delta().row(i);
            const T r = at.saved().row(0)[i];
            T* const to = at.delta_below().row(i);
            T sum = 0;
            for (Index j = 0; j < n; ++j) sum += weight[j] * dy[j] * x[j];
            for (Index j = 0; j < n; ++j) to[j] = r * weight[j] * dy[j] - x[j] * r * r * r * sum / T(n);
            at.finish_gradient(context.kernels, i, dx.columns, to);
        }
    }

    // This program only asks for gradients.
    void update(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) const override {
        const Range own = column_chunk<T>(at.stage().outputs, context.share);
        const MatrixView<const T> x = at.input(0);
        const Parameters<T>& gradient = step.gradients[at.parameter_index()];
        for (Index j = own.begin; j < own.end; ++j) {
            gradient.weight.data[j] = gradient.bias[j] = 0;
            for (Index i = 0; i < step.samples; ++i) {
                const T dy = at.delta().row(i)[j];
                gradient.weight.data[j] += dy * x.data[i * x.stride + j] * at.saved().row(0)[i];
                gradient.bias[j] += dy;
            }
        }
    }

    void predict(const StageView<T>& at, const Kernels<T>&, const Prediction<T>& p) const override {
        for (Index i = 0; i < p.rows; ++i) {
            const T* const row = p.x.data + i * p.x.stride;
            scale(at, row, inverse_root(at.stage(), row), p.y.data + i * p.y.stride);
        }
    }

  private:
    static T inverse_root(const Stage& stage, const T* x) {
        T sum = 0;
        for (Index j = 0; j < stage.inputs; ++j) sum += x[j] * x[j];
        return 1 / std::sqrt(sum / T(stage.inputs) + T(stage.epsilon));
    }
    static void scale(const StageView<T>& at, const T* x, T r, T* y) {
        const Parameters<T>& own = at.parameters();
        for (Index j = 0; j < at.stage().inputs; ++j) y[j] = x[j] * r * own.weight.data[j] + own.bias[j];
    }
};

const Registration<RowNorm> registered{
    {.name = "row_norm", .weight = Weight::row, .division = Division::rows}};

constexpr Index features = 6, width = 40, classes = 3;

const std::vector<Stage>& stages() {
    static const std::vector<Stage> all = [] {
        std::vector<Stage> made = {stage("dense", features, width, "tanh"), stage("row_norm", width, width),
                                   stage("dense", width, classes)};
        made[1].epsilon = 1e-3;
        return made;
    }();
    return all;
}

// Any numbers.
std::vector<double> half(Index n, std::uint32_t stream) {
    auto values = numbers<double>(n, stream);
    for (double& value : values) value /= 2;
    return values;
}

// The loss of some parameters; its gradients too.
double loss_of(const Arrays<double>& parameters, const Arrays<double>& gradients, Index samples,
               int threads) {
    const auto x = numbers<double>(samples * features, 1);
    std::vector<std::int64_t> labels;
    for (Index i = 0; i < samples; ++i) labels.push_back(i % classes);
    Network<double> network(stages(), parameters.views(), {});
    Trainer<double> trainer(network);
    const Samples<double> data{.x = {x.data(), features}, .labels = labels.data(), .count = samples};
    const double rate = 0;
    return trainer
        .fit({.kernels = kernels_of<double>(best()),
              .samples = data,
              .config = {},
              .request = single_step(samples, &rate, {}),
              .only_gradients = gradients.data()},
             threads, {})
        .loss;
}

// Of so many samples, whose rows shares split, or the columns of stages.
void check_gradients(Index samples) {
    Arrays<double> parameters(stages(), half);
    const Arrays<double> gradients(stages(), zeros<double>), unused(stages(), zeros<double>);
    static_cast<void>(loss_of(parameters, gradients, samples, 1));
    const std::vector<double> all = gradients.all();
    double worst = 0;
    for (std::size_t place = 0; place < all.size(); place += 7) {
        constexpr double h = 1e-5;
        parameters.add(Index(place), h);
        const double above = loss_of(parameters, unused, samples, 1);
        parameters.add(Index(place), -2 * h);
        const double below = loss_of(parameters, unused, samples, 1);
        parameters.add(Index(place), h);
        worst = std::max(worst, std::fabs((above - below) / (2 * h) - all[place]));
    }
    check(worst < 1e-8, "gradients are those of differences");
    const Arrays<double> fresh(stages(), half); // adding and taking away may round
    for (const int threads : {2, 3, 7}) {
        const Arrays<double> others(stages(), zeros<double>);
        static_cast<void>(loss_of(fresh, others, samples, threads));
        check(others.all() == all, "gradients have the same bits with " + std::to_string(threads));
    }
}

void check_plan() {
    check(error_of([] { static_cast<void>(stage_kind("conv")); }) == "unknown stage 'conv'",
          "an unknown kind has no stage");
    const auto message = error_of([] { Plan({stage("row_norm", 3, 2)}, 1, 0); });
    check(message.find("stage 0 takes 3 columns and gives 2") == 0, "sizes must fit the kind");
    const auto unpaired = error_of([] { Plan({stage("residual_split", 3, 3), stage("dense", 3, 2)}, 1, 0); });
    check(!unpaired.empty(), "a residual block must end");
    const auto none = error_of([] { Plan({stage("elementwise", 3, 3, "relu")}, 0, 0); });
    check(!none.empty(), "a network has parameters");
    const Plan plan(stages(), 3, 0);
    check(plan.parameter_index(2) == 2 && plan.first_parametric() == 0 && plan.nesting() == 0 &&
              !plan.splits_columns(1, 70),
          "a plan numbers its stages");
    check(plan.splits_columns(4, 15) && !plan.splits_columns(4, 16), "few weights are shared by rows");
    const Plan wide({stage("dense", 400, 376)}, 1, 0);
    check(wide.splits_columns(4, 512) && !wide.splits_columns(4, 513), "many by columns, of low batches");
}

const Concern stage_kind_{"stage_kind", [] { check_plan(), check_gradients(70), check_gradients(10); }};

} // namespace
} // namespace steepest::tests
