// Compute: what a trainer's calls run.
#include "training/run.hpp"

namespace steepest {

template <class T> Result Trainer<T>::fit(const Job<T>& job, int threads, const Poll& poll) {
    return Run<T>(network_, memory_, job, poll).execute(threads);
}

template <class T> Result Trainer<T>::update(const Job<T>& job, const Parameters<T>* gradients, int threads) {
    return Run<T>(network_, memory_, job, Poll()).update_by(gradients, threads);
}

template class Trainer<float>;
template class Trainer<double>;

} // namespace steepest
