// Compute: what a trainer's calls run.
#include "training/run.hpp"

namespace steepest {

template <class T> Result Trainer<T>::fit(const Job<T>& job, int threads, const Poll& poll) {
    return Run<T>(network_, memory_, job, poll).execute(threads);
}

template <class T>
Result Trainer<T>::gradients(const Kernels<T>& kernels, int threads, const Samples<T>& samples,
                             const TrainConfig& config, const Parameters<T>* gradients, const StepKey& key,
                             const Poll& poll, const CustomLoss<T>* custom) {
    const double rate = 0;
    const FitRequest once{.batch = samples.count,
                          .seed = key.seed,
                          .first_step = Index(key.step),
                          .rates = {.data = &rate},
                          .restorable = false};
    return fit({.kernels = kernels,
                .samples = samples,
                .config = config,
                .request = once,
                .custom = custom,
                .only_gradients = gradients},
               threads, poll);
}

template class Trainer<float>;
template class Trainer<double>;

} // namespace steepest
