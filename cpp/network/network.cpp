// Compute: a network's buffers, and the weights that products need in another arrangement.
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
        if (is_arranged(s)) arranged_.push_back(s);
}

template <class T> bool Network<T>::is_arranged(std::size_t s) const {
    return plan_[s].kind->type<T>().arranges(plan_[s]);
}

template <class T> bool Network<T>::needs_arranging() const {
    return arranged_.size() > 1 || (arranged_.size() == 1 && needs_arranged(arranged_.front()));
}

template <class T> void Network<T>::reserve_arranged() {
    for (const std::size_t s : arranged_)
        plan_[s].kind->type<T>().reserve_arranged(plan_[s], workspace_.arranged[plan_.parameter_index(s)]);
}

template <class T> void Network<T>::arrange(const Kernels<T>& kernels, const Share& share) const {
    for (const std::size_t s : arranged_)
        if (needs_arranged(s)) plan_[s].kind->type<T>().arrange({*this, s, {}}, kernels, share);
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
        if (gradients) w.gradients[d].reserve(stage.weight_rows() + 1, stage.weight_columns());
        if (stage.is_dense()) w.penalty_terms[d].reserve(term_count(stage));
    }
    if (gradients) reserve_norm_terms();
    reserve_arranged();
    w.scratch_stride = kernels.scratch;
    w.scratch.reserve(threads * w.scratch_stride);
}

template <class T> void Network<T>::reserve_norm_terms() {
    for (std::size_t s = 0; s < plan_.size(); ++s)
        if (plan_[s].has_parameters())
            workspace_.gradient_norm_terms[plan_.parameter_index(s)].reserve(term_count(plan_[s]) + 1);
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
