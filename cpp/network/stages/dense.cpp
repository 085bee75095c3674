// Compute: dense stages, y = activation(x @ weight + bias).
#include "network/sparse/stage.hpp"
#include "network/stages/bias.hpp"
#include "network/stages/dense_product.hpp"
#include "network/stages/stage_type.hpp"

#include <algorithm>

namespace steepest {
namespace {

constexpr Index update_rows = 192; // weight rows between two questions whether to stop: whole blocks

template <class T> struct Dense final : StageType<T> {
    bool arranges(const Stage& s) const override { return needs_transpose<T>(s.inputs, s.outputs); }

    void reserve_arranged(const Stage& s, Matrix<T>& transposed) const override {
        transposed.reserve(s.outputs, s.inputs, dot_bytes);
    }

    void arrange(const StageView<T>& at, const Kernels<T>& kernels, const Share& share) const override {
        const Range rows = row_chunk(at.stage().inputs, cache_line / sizeof(T), share);
        kernels.transpose(read_only(from(at.parameters().weight, rows.begin)), rows.size(),
                          at.stage().outputs, from(at.arranged(), 0, rows.begin));
    }

    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        const Index first = y.rows.begin;
        const MatrixView<T> output = from(at.output().rows(first), 0, y.columns.begin);
        if (at.reads_sparse()) return forward_sparse(at, context.kernels, y, output);
        product(at, context.kernels, at.input(first), output, y.rows.size(), y.columns,
                at.workspace().scratch_of(context.share.thread));
    }

    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        const Index i = dx.rows.begin, j = dx.columns.begin;
        const bool transposed = at.needs_arranged();
        const MatrixView<T> weight = transposed ? from(at.arranged(), 0, j) : from(at.parameters().weight, j);
        context.kernels.input_gradient({.dy = read_only(at.delta().rows(i)),
                                        .weight = read_only(weight),
                                        .y = read_only(from(at.seen_below().rows(i), 0, j)),
                                        .dx = from(at.delta_below().rows(i), 0, j),
                                        .rows = dx.rows.size(),
                                        .inputs = dx.columns.size(),
                                        .outputs = at.stage().outputs,
                                        .activation = at.below().activation,
                                        .transposed = transposed,
                                        .slope = T(at.below().slope)},
                                       at.workspace().scratch_of(context.share.thread));
    }

    void update(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) const override {
        if (at.reads_sparse())
            update_sparse_weight(at, context, step);
        else
            update_weight(at, context, step);
        update_bias(at, context, step);
    }

    void predict(const StageView<T>& at, const Kernels<T>& kernels, const Prediction<T>& p) const override {
        const MatrixView<T> output = from(p.y, 0, p.columns.begin);
        if (at.reads_sparse())
            return forward_sparse(at, kernels, {{p.first, p.first + p.rows}, p.columns}, output);
        product(at, kernels, p.x, output, p.rows, p.columns, p.scratch);
    }

  private:
    // x begins with the first row, y with the first row and column.
    static void product(const StageView<T>& at, const Kernels<T>& kernels, MatrixView<const T> x,
                        MatrixView<T> y, Index rows, Range columns, T* scratch) {
        const Stage& stage = at.stage();
        const Parameters<T>& own = at.parameters();
        const Index j = columns.begin;
        const MatrixView<T> weight = at.needs_arranged() ? from(at.arranged(), j) : from(own.weight, 0, j);
        const auto forward = forward_kernel(kernels, stage.inputs, stage.outputs);
        forward({.x = x,
                 .weight = read_only(weight),
                 .bias = own.bias ? own.bias + j : nullptr,
                 .y = y,
                 .rows = rows,
                 .inputs = stage.inputs,
                 .outputs = columns.size(),
                 .activation = stage.activation,
                 .slope = T(stage.slope)},
                scratch);
    }

    // This share's part of the weight: of the columns that it made on the way forward, which are in its
    // cache, or of rows.
    static void update_weight(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) {
        const Stage& stage = at.stage();
        Part part;
        if (at.plan().splits_columns(context.share.size, step.samples) &&
            splits_columns<T>(stage.outputs, context.share.size))
            part = partition_columns<T>(stage.inputs, stage.outputs, context.share);
        else
            part.blocks[part.count++] = {row_chunk(stage.inputs, term_rows, context.share),
                                         {0, stage.outputs}};
        const bool cut = step.gradients && context.should_stop; // an update must not be left half-way
        const Index piece = cut ? update_rows : stage.inputs;
        for (const Block& own : part)
            for (Index i = own.rows.begin; i < own.rows.end && !(cut && context.stopped()); i += piece)
                update_block(at, context, step, {{i, std::min(i + piece, own.rows.end)}, own.columns});
    }

    static void update_block(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step,
                             Block block) {
        const std::size_t d = at.parameter_index();
        const Index j = block.columns.begin;
        const auto part = [j](MatrixView<T> m) { return from(m, 0, j); };
        context.kernels.weight_gradient(
            {.x = at.input(0),
             .dy = read_only(part(at.delta().rows())),
             .weight = part(at.parameters().weight),
             .slots = step.state.of_weight(d, j),
             .gradient = step.gradients ? part(step.gradients[d].weight) : MatrixView<T>{},
             .samples = step.samples,
             .outputs = block.columns.size(),
             .first = block.rows.begin,
             .last = block.rows.end,
             .update = step.updates.weights[d],
             .few_outputs = has_few_outputs<T>(at.stage().outputs)},
            at.workspace().scratch_of(context.share.thread));
    }
};

const Registration<Dense> registered{
    {.name = "dense", .weight = Weight::matrix, .fits = [](const Stage&) { return true; }}};

} // namespace
} // namespace steepest
