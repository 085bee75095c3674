// Compute: a network's buffers, and the transposed weights of stages of few outputs.
#include "network/network.hpp"
#include "network/stages/stage_type.hpp"

#include <utility>

namespace steepest {

template <class T>
Network<T>::Network(std::vector<Stage> stages, std::vector<Parameters<T>> parameters,
                    std::vector<MatrixView<T>> running)
    : plan_(std::move(stages), parameters.size(), running.size()), parameters_(std::move(parameters)),
      running_(std::move(running)), workspace_(plan_.size(), parameters_.size()) {
    for (std::size_t s = 0; s < plan_.size(); ++s)
        if (is_transposed(s)) transposed_.push_back(s);
}

template <class T> bool Network<T>::needs_transposes() const {
    const bool first_is_sparse = sparse_ && !transposed_.empty() && transposed_.front() == 0;
    return transposed_.size() > std::size_t(first_is_sparse);
}

template <class T> void Network<T>::reserve_transposed() {
    for (const std::size_t s : transposed_)
        workspace_.transposed[plan_.parameter_index(s)].reserve(plan_[s].outputs, plan_[s].inputs, dot_bytes);
}

template <class T> void Network<T>::transpose(const Kernels<T>& kernels, const Share& share) const {
    for (const std::size_t s : transposed_) {
        if (sparse_ && s == 0) continue;
        const std::size_t d = plan_.parameter_index(s);
        const Range rows = row_chunk(plan_[s].inputs, cache_line / sizeof(T), share);
        kernels.transpose(read_only(from(parameters_[d].weight, rows.begin)), rows.size(), plan_[s].outputs,
                          from(workspace_.transposed[d].rows(), 0, rows.begin));
    }
}

template <class T>
void Network<T>::reserve(const Kernels<T>& kernels, Index samples, int threads, bool gradients) {
    Workspace<T>& w = workspace_;
    for (std::size_t s = 0; s < plan_.size(); ++s) {
        const Stage& stage = plan_[s];
        w.outputs[s].reserve(samples, stage.outputs);
        if (s >= plan_.first_parametric()) w.deltas[s].reserve(samples + 1, stage.outputs);
        stage.kind->type<T>().reserve(stage, samples, w.saved[s]);
        if (!stage.has_parameters()) continue;
        const std::size_t d = plan_.parameter_index(s);
        if (gradients) w.gradients[d].reserve(stage.weight_rows() + 1, stage.outputs);
        if (stage.is_dense()) w.penalty_terms[d].reserve(term_count(stage));
        if (gradients) w.gradient_norm_terms[d].reserve(term_count(stage) + 1);
    }
    reserve_transposed();
    w.scratch_stride = kernels.scratch;
    w.scratch.reserve(threads * w.scratch_stride);
}

template <class T> std::vector<Parameters<T>> Network<T>::stored_gradients() const {
    std::vector<Parameters<T>> views;
    for (const Stage& stage : plan_.stages())
        if (stage.has_parameters()) {
            const Matrix<T>& matrix = workspace_.gradients[views.size()];
            views.push_back({matrix.rows(), matrix.row(stage.weight_rows())});
        }
    return views;
}

template class Network<float>;
template class Network<double>;

} // namespace steepest
