#include "network.hpp"

#include <algorithm>
#include <stdexcept>

namespace steepest {
namespace {

// Weight rows are owned and their penalty is summed in groups of 8, whatever the number of threads.
constexpr Index group_rows = 8;
constexpr Index bias_columns = 16;  // biases are owned by the cache line
constexpr Index predict_rows = 128; // rows that go through all layers together, so that they stay in cache
constexpr Index learn_rows = 64;    // weight rows between two looks at `stop`

Index groups(Index rows) { return (rows + group_rows - 1) / group_rows; }

template <class T> Rows<T> from(Rows<T> m, Index row) {
    return {m.data ? m.data + row * m.stride : nullptr, m.stride};
}

} // namespace

Range share(Index n, Index grain, int part, int parts) {
    const Index pieces = (n + grain - 1) / grain;
    const Index size = pieces / parts, longer = pieces % parts;
    const Index begin = part * size + std::min<Index>(part, longer);
    const Index end = begin + size + (part < longer);
    return {std::min(n, begin * grain), std::min(n, end * grain)};
}

template <class T>
Network<T>::Network(std::vector<Stage> stages, std::vector<Parameters<T>> parameters)
    : stages_(std::move(stages)), parameters_(std::move(parameters)) {
    std::size_t dense = 0;
    for (std::size_t s = 0; s < stages_.size(); ++s) {
        if (stages_[s].inputs < 1 || stages_[s].outputs < 1 ||
            (s && stages_[s].inputs != stages_[s - 1].outputs) ||
            (!stages_[s].dense && stages_[s].inputs != stages_[s].outputs))
            throw std::invalid_argument("stages do not fit each other");
        if (stages_[s].dense && dense++ == 0) first_dense_ = s;
    }
    if (dense == 0) throw std::invalid_argument("a network needs a dense stage");
    if (dense != parameters_.size())
        throw std::invalid_argument("one set of parameters for each dense stage");
    outputs_.resize(stages_.size());
    deltas_.resize(stages_.size());
    gradients_.resize(dense);
    penalties_.resize(dense);
}

template <class T> double Network<T>::forward_work(Index samples) const {
    double work = 0;
    for (const auto& stage : stages_) work += double(stage.dense ? stage.inputs : 1) * double(stage.outputs);
    return work * double(samples);
}

template <class T> double Network<T>::step_work(Index samples) const {
    double work = 2 * forward_work(samples); // forward and weight gradients
    for (std::size_t s = first_dense_ + 1; s < stages_.size(); ++s)
        if (stages_[s].dense)
            work += double(stages_[s].inputs) * double(stages_[s].outputs) * double(samples);
    return work;
}

namespace {

template <class T>
void run_stage(const Kernels<T>& kernels, const Stage& stage, const Parameters<T>* parameters,
               Rows<const T> x, Rows<T> y, Index rows, T* scratch) {
    if (stage.dense)
        return kernels.forward({x, read_only(parameters->weight), parameters->bias, y, rows, stage.inputs,
                                stage.outputs, stage.activation},
                               scratch);
    for (Index i = 0; i < rows; ++i)
        kernels.activate(stage.activation, x.data + i * x.stride, y.data + i * y.stride, stage.outputs);
}

} // namespace

template <class T>
int Network<T>::predict(const Kernels<T>& kernels, int threads, Rows<const T> x, Rows<T> y, Index rows) {
    threads = thread_count(forward_work(rows), work_per_new_thread, threads);
    threads = int(std::clamp<Index>(rows, 1, threads));
    Index widest = 1;
    for (const auto& stage : stages_) widest = std::max(widest, stage.outputs);
    // For each thread: scratch memory, and two matrices that the stages take turns to write.
    const Index stride = row_stride<T>(widest), block = std::min(predict_rows, rows);
    const Index each = kernels.scratch + 2 * block * stride;
    scratch_.reserve(threads * each);
    int size = 1;
    run(threads, [&](const Team& team) {
        if (team.rank == 0) size = team.size;
        T* scratch = scratch_.data() + team.rank * each;
        const Range mine = share(rows, 1, team.rank, team.size);
        for (Index i = mine.begin; i < mine.end; i += block) {
            const Index n = std::min(block, mine.end - i);
            Rows<const T> input = from(x, i);
            const Parameters<T>* parameters = parameters_.data();
            for (std::size_t s = 0; s < stages_.size(); ++s) {
                const bool last = s + 1 == stages_.size();
                const Rows<T> output =
                    last ? from(y, i)
                         : Rows<T>{scratch + kernels.scratch + Index(s % 2) * block * stride, stride};
                run_stage(kernels, stages_[s], parameters, input, output, n, scratch);
                parameters += stages_[s].dense;
                input = read_only(output);
            }
        }
    });
    return size;
}

template <class T>
void Network<T>::reserve(const Kernels<T>& kernels, Index samples, int threads, bool gradients) {
    std::size_t dense = 0;
    for (std::size_t s = 0; s < stages_.size(); ++s) {
        outputs_[s].reserve(samples, stages_[s].outputs);
        if (s >= first_dense_) deltas_[s].reserve(samples + 1, stages_[s].outputs); // one row for bias sums
        if (!stages_[s].dense) continue;
        if (gradients) gradients_[dense].reserve(stages_[s].inputs + 1, stages_[s].outputs);
        penalties_[dense++].reserve(groups(stages_[s].inputs));
    }
    scratch_stride_ = kernels.scratch;
    scratch_.reserve(threads * scratch_stride_);
}

template <class T> std::vector<Parameters<T>> Network<T>::stored_gradients() const {
    std::vector<Parameters<T>> views;
    for (const auto& stage : stages_)
        if (stage.dense) {
            const auto& matrix = gradients_[views.size()];
            views.push_back({matrix.rows(), matrix.row(stage.inputs)});
        }
    return views;
}

template <class T>
void Network<T>::forward(const Kernels<T>& kernels, const Team& team, Rows<const T> x, Index first,
                         Index rows) {
    T* scratch = scratch_.data() + team.rank * scratch_stride_;
    x = from(x, first);
    const Parameters<T>* parameters = parameters_.data();
    for (std::size_t s = 0; s < stages_.size(); ++s) {
        const Rows<T> y = outputs_[s].rows(first);
        run_stage(kernels, stages_[s], parameters, x, y, rows, scratch);
        parameters += stages_[s].dense;
        x = read_only(y);
    }
}

template <class T>
void Network<T>::backward(const Kernels<T>& kernels, const Team& team, Index first, Index rows) {
    T* scratch = scratch_.data() + team.rank * scratch_stride_;
    const Stage& top = stages_.back();
    if (top.activation != Activation::identity)
        for (Index i = first; i < first + rows; ++i)
            kernels.activation_gradient(top.activation, outputs_.back().row(i), deltas_.back().row(i),
                                        deltas_.back().row(i), top.outputs);
    std::size_t dense = parameters_.size();
    for (std::size_t s = stages_.size() - 1; s > first_dense_; --s) {
        const Stage &stage = stages_[s], &below = stages_[s - 1];
        const Rows<T> dy = deltas_[s].rows(first), y = outputs_[s - 1].rows(first),
                      dx = deltas_[s - 1].rows(first);
        if (stage.dense)
            kernels.input_gradient({read_only(dy), read_only(parameters_[--dense].weight), read_only(y), dx,
                                    rows, stage.inputs, stage.outputs, below.activation},
                                   scratch);
        else
            for (Index i = 0; i < rows; ++i)
                kernels.activation_gradient(below.activation, y.data + i * y.stride, dy.data + i * dy.stride,
                                            dx.data + i * dx.stride, stage.inputs);
    }
}

template <class T>
void Network<T>::learn(const Kernels<T>& kernels, const Team& team, Rows<const T> x, Index samples,
                       const Update<T>& update, const Parameters<T>* velocities,
                       const Parameters<T>* gradients, const Stop& stop) {
    const Update<T> bias_update{update.learning_rate, update.momentum, 0, 0, update.nesterov};
    std::size_t dense = 0;
    for (std::size_t s = first_dense_; s < stages_.size(); ++s) {
        const Stage& stage = stages_[s];
        if (!stage.dense) continue;
        const Rows<const T> input = s ? read_only(outputs_[s - 1].rows()) : x,
                            dy = read_only(deltas_[s].rows());
        const Parameters<T>& own = parameters_[dense];
        const Rows<T> velocity = velocities ? velocities[dense].weight : Rows<T>{};
        const Rows<T> gradient = gradients ? gradients[dense].weight : Rows<T>{};
        const Range rows = share(stage.inputs, group_rows, team.rank, team.size);
        for (Index first = rows.begin; first < rows.end && !stop(); first += learn_rows) {
            const Index last = std::min(first + learn_rows, rows.end);
            kernels.weight_gradient(
                {input, dy, own.weight, velocity, gradient, samples, stage.outputs, first, last, update});
        }
        const Range columns = share(stage.outputs, bias_columns, team.rank, team.size);
        if (own.bias && columns.begin < columns.end) {
            T* sums = gradients ? gradients[dense].bias : deltas_[s].row(samples);
            kernels.column_sums(dy, samples, columns.begin, columns.end, sums);
            if (!gradients)
                kernels.update(bias_update, sums + columns.begin, own.bias + columns.begin,
                               velocities ? velocities[dense].bias + columns.begin : nullptr,
                               columns.end - columns.begin);
        }
        ++dense;
    }
}

template <class T>
void Network<T>::apply(const Kernels<T>& kernels, const Team& team, const Update<T>& update,
                       const Parameters<T>* velocities, const Parameters<T>* gradients) {
    const Update<T> plain{update.learning_rate, update.momentum, 0, 0, update.nesterov}; // penalty: in learn
    std::size_t dense = 0;
    for (const auto& stage : stages_) {
        if (!stage.dense) continue;
        const Parameters<T>&own = parameters_[dense], &gradient = gradients[dense];
        const Range rows = share(stage.inputs, group_rows, team.rank, team.size);
        for (Index i = rows.begin; i < rows.end; ++i)
            kernels.update(plain, from(gradient.weight, i).data, from(own.weight, i).data,
                           velocities ? from(velocities[dense].weight, i).data : nullptr, stage.outputs);
        if (own.bias && team.rank == team.size - 1)
            kernels.update(plain, gradient.bias, own.bias, velocities ? velocities[dense].bias : nullptr,
                           stage.outputs);
        ++dense;
    }
}

template <class T>
void Network<T>::penalise(const Kernels<T>& kernels, const Team& team, const Penalty& penalty) {
    std::size_t dense = 0;
    for (const auto& stage : stages_) {
        if (!stage.dense) continue;
        const Range rows = share(stage.inputs, group_rows, team.rank, team.size);
        for (Index i = rows.begin; i < rows.end; i += group_rows)
            penalties_[dense].data()[i / group_rows] =
                kernels.penalty(read_only(from(parameters_[dense].weight, i)),
                                std::min(group_rows, rows.end - i), stage.outputs, penalty.l2, penalty.l1);
        ++dense;
    }
}

template <class T> double Network<T>::penalty_value() const {
    double sum = 0;
    std::size_t dense = 0;
    for (const auto& stage : stages_)
        if (stage.dense) {
            const double* terms = penalties_[dense++].data();
            for (Index i = 0; i < groups(stage.inputs); ++i) sum += terms[i];
        }
    return sum;
}

template class Network<float>;
template class Network<double>;

} // namespace steepest
