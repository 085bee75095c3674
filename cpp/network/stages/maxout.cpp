// Compute: maxout, y[j] = the largest of the columns j, j + outputs, j + 2 outputs, ... of x.
#include "network/stages/stage_type.hpp"

#include <algorithm>

namespace steepest {
namespace {

template <class T> struct Maxout final : StageType<T> {
    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        const Index i = y.rows.begin, j = y.columns.begin;
        apply(at.stage(), context.kernels, from(at.input(i), 0, j), from(at.output().rows(i), 0, j),
              y.rows.size(), y.columns.size());
    }

    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        for (Index i = dx.rows.begin; i < dx.rows.end; ++i) {
            backward_row(at, context.kernels, i, dx.columns);
            at.finish_gradient(context.kernels, i, dx.columns, at.delta_below().row(i) + dx.columns.begin);
        }
    }

    void predict(const StageView<T>& at, const Kernels<T>& kernels, const Prediction<T>& p) const override {
        apply(at.stage(), kernels, from(p.x, 0, p.columns.begin), from(p.y, 0, p.columns.begin), p.rows,
              p.columns.size());
    }

  private:
    static void apply(const Stage& stage, const Kernels<T>& kernels, MatrixView<const T> x, MatrixView<T> y,
                      Index rows, Index columns) {
        for (Index i = 0; i < rows; ++i)
            kernels.maxout(x.data + i * x.stride, stage.inputs / stage.outputs, stage.outputs,
                           y.data + i * y.stride, columns);
    }

    // A row of the columns of the pieces, piece by piece.
    static void backward_row(const StageView<T>& at, const Kernels<T>& kernels, Index row, Range columns) {
        const Index outputs = at.stage().outputs;
        for (Index j = columns.begin; j < columns.end;) {
            const Index piece = j / outputs, k = j % outputs;
            const Index n = std::min(outputs - k, columns.end - j);
            kernels.maxout_gradient(at.input().row(row) + k, piece, outputs, at.output().row(row) + k,
                                    at.delta().row(row) + k, at.delta_below().row(row) + j, n);
            j += n;
        }
    }
};

const Registration<Maxout> registered{
    {.name = "maxout", .fits = [](const Stage& s) { return s.inputs % s.outputs == 0; }}};

} // namespace
} // namespace steepest
