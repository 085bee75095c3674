// Compute: a linear model that learns from sparse rows as they come.
#include "training/online.hpp"
#include "base/buffer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace steepest {
namespace {

constexpr Index rows_between_polls = 64;
// Larger weights count as if they pulled so far: a double tells no further steps apart.
constexpr double most_pull = 1e10;
constexpr double roundings = 16; // of a row's scores

template <class T> class Learner {
  public:
    Learner(const Kernels<T>& kernels, const Kernels<double>& exact, const OnlineRows<T>& rows,
            const OnlinePoint<T>& point)
        : kernels_(kernels), exact_kernels_(exact), rows_(rows), point_(point), n_(rows.classes),
          columns_(n_ == 2 ? 1 : n_) {
        buffers_.reserve(3 * n_ + rows.longest), exact_.reserve(4 * n_);
        scores_ = buffers_.data(), gradient_ = scores_ + n_, change_ = gradient_ + n_, steps_ = change_ + n_;
    }

    // The loss of a row, times its weight, before the step; NaN if there is none that is finite.
    double learn(Index i) {
        const Entries<T> x = rows_.x.row(i);
        score(x);
        double loss = 0;
        kernels_.loss({.kind = rows_.loss.kind,
                       .number = T(rows_.loss.number),
                       .scores = read_only(bounded(MatrixView<T>{scores_, n_}, 1, n_)),
                       .labels = rows_.labels + i,
                       .targets = {},
                       .weight = nullptr,
                       .scale = 1,
                       .gradient = bounded(MatrixView<T>{gradient_, n_}, 1, n_),
                       .value = &loss,
                       .rows = 1,
                       .classes = n_});
        const double c = double(rows_.weight[i]), g = loss > rounding() ? square_of_gradient() : 0;
        const bool moved = !(c > 0 && g > 0) || move(x, c, g, Index(rows_.labels[i]));
        return moved ? c * loss : std::numeric_limits<double>::quiet_NaN();
    }

  private:
    bool paired() const { return columns_ < n_; }

    void score(const Entries<T>& x) {
        kernels_.sparse_row_product(x.values, x.places, x.count, read_only(point_.weight), scores_, columns_);
        if (point_.bias) kernels_.add_scaled(scores_, point_.bias, T(1), scores_, columns_);
        if (paired()) scores_[1] = scores_[0] / 2, scores_[0] = -scores_[1];
    }
    // Of a loss: after a step to the kink of a hinge, what is left of it is no loss.
    double rounding() const {
        double largest = 1;
        for (Index k = 0; k < n_; ++k) largest = std::max(largest, std::abs(double(scores_[k])));
        return roundings * double(std::numeric_limits<T>::epsilon()) * largest;
    }
    // Of two columns, those of the one score.
    double square_of_gradient() const {
        if (paired()) return double(gradient_[1]) * double(gradient_[1]);
        double sum = 0;
        for (Index k = 0; k < n_; ++k) sum += double(gradient_[k]) * double(gradient_[k]);
        return sum;
    }
    bool move(const Entries<T>& x, double c, double g, Index label) {
        double pull = 0;
        for (Index e = 0; e < x.count; ++e) {
            const double value = double(x.values[e]), step = step_of(x.places[e], value, c * g);
            steps_[e] = T(-step);
            pull += step * value;
        }
        const double of_bias = point_.bias ? step_of(rows_.features, point_.unit, c * g) * point_.unit : 0;
        pull += of_bias;
        c = std::min(c, most_pull / pull);
        const double* const u = implicit_gradient(c * pull, label);
        for (Index k = 0; k < columns_; ++k) change_[k] = T(c * u[k]);
        if (!kernels_.all_finite(change_, columns_)) return false;
        kernels_.add_to_rows(steps_, x.places, x.count, change_, point_.weight, columns_);
        if (point_.bias) kernels_.add_scaled(point_.bias, change_, T(-of_bias), point_.bias, columns_);
        return true;
    }
    // rate_j x_j, after the row is counted.
    double step_of(Index j, double value, double square_of_gradient) const {
        double& sum = point_.sums[j];
        sum += value * value * square_of_gradient;
        return point_.rate * value / std::sqrt(point_.floor + sum);
    }
    // u' for each column, in double: its error, times the pull, is that of the scores.
    const double* implicit_gradient(double pull, Index label) {
        double *const scores = exact_.data(), *const held = scores + n_;
        for (Index k = 0; k < n_; ++k) scores[k] = double(scores_[k]), held[k] = 0;
        exact_kernels_.dual_step({.kind = rows_.loss.kind,
                                  .number = rows_.loss.number,
                                  .scores = scores,
                                  .label = label,
                                  .target = nullptr,
                                  .pull = paired() ? pull / 2 : pull, // the two go half as far each
                                  .gradient = held,
                                  .change = held + n_,
                                  .scratch = held + 2 * n_,
                                  .n = n_});
        return paired() ? held + 1 : held;
    }

    const Kernels<T>& kernels_;
    const Kernels<double>& exact_kernels_;
    const OnlineRows<T>& rows_;
    const OnlinePoint<T>& point_;
    const Index n_, columns_;
    Buffer<T> buffers_;
    Buffer<double> exact_;
    T *scores_, *gradient_, *change_, *steps_;
};

} // namespace

template <class T>
double learn_online(const Kernels<T>& kernels, const Kernels<double>& exact, const OnlineRows<T>& rows,
                    const OnlinePoint<T>& point, const std::int64_t* order, Index count, Poller& poller) {
    Learner<T> learner(kernels, exact, rows, point);
    const double entries = double(rows.x.begin[rows.count]) / double(std::max<Index>(rows.count, 1));
    const double work = 4 * double(rows_between_polls) * (entries + 10) * double(rows.classes);
    double loss = 0;
    for (Index k = 0; k < count; ++k) {
        if (k % rows_between_polls == 0) poller.poll(work);
        if (poller.stopped()) break;
        const double own = learner.learn(Index(order[k]));
        loss += own;
        if (std::isnan(own)) break;
    }
    return loss;
}

#define STEEPEST_INSTANTIATE(T)                                                                   \
    template double learn_online(const Kernels<T>&, const Kernels<double>&, const OnlineRows<T>&, \
                                 const OnlinePoint<T>&, const std::int64_t*, Index, Poller&);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
