// Compute: elementwise stages, y = activation(x).
#include "network/stages/stage_type.hpp"

namespace steepest {
namespace {

template <class T> struct Elementwise final : StageType<T> {
    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        const MatrixView<const T> x = at.input(y.rows.begin);
        apply(at.stage(), context.kernels, from(x, 0, y.columns.begin),
              from(at.output().rows(y.rows.begin), 0, y.columns.begin), y.rows.size(), y.columns.size());
    }

    // The gradient of y is that of the activation's input already; so only the stage below has its say.
    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        for (Index i = dx.rows.begin; i < dx.rows.end; ++i)
            at.finish_gradient(context.kernels, i, dx.columns, at.delta().row(i) + dx.columns.begin);
    }

    void predict(const StageView<T>& at, const Kernels<T>& kernels, const Prediction<T>& p) const override {
        apply(at.stage(), kernels, from(p.x, 0, p.columns.begin), from(p.y, 0, p.columns.begin), p.rows,
              p.columns.size());
    }

  private:
    static void apply(const Stage& stage, const Kernels<T>& kernels, MatrixView<const T> x, MatrixView<T> y,
                      Index rows, Index columns) {
        for (Index i = 0; i < rows; ++i)
            kernels.activate(stage.activation, T(stage.slope), x.data + i * x.stride, y.data + i * y.stride,
                             columns);
    }
};

const Registration<Elementwise> registered{{.name = "elementwise", .keeps_input = true}};

} // namespace
} // namespace steepest
