// Compute: a linear model that learns from sparse rows as they come.
#include "training/online.hpp"
#include "base/buffer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace steepest {
namespace {

constexpr Index rows_between_polls = 64;

template <class T> class Learner {
  public:
    Learner(const Kernels<T>& kernels, const OnlineRows<T>& rows, const OnlinePoint<T>& point)
        : kernels_(kernels), rows_(rows), point_(point), n_(rows.classes), columns_(n_ == 2 ? 1 : n_) {
        buffers_.reserve(5 * n_ + rows.longest);
        scores_ = buffers_.data(), gradient_ = scores_ + n_, held_ = gradient_ + n_, change_ = held_ + n_;
        scratch_ = change_ + n_, steps_ = scratch_ + n_;
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
        const double c = double(rows_.weight[i]), g = square_of_gradient();
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
            steps_[e] = T(-c * step);
            pull += step * value;
        }
        const double of_bias = point_.bias ? step_of(rows_.features, point_.unit, c * g) * point_.unit : 0;
        const double all = c * (pull + of_bias);
        if (!(all < double(std::numeric_limits<T>::max()))) return false;
        const T* const u = implicit_gradient(all, label);
        if (!kernels_.all_finite(u, columns_) || !kernels_.all_finite(steps_, x.count)) return false;
        kernels_.add_to_rows(steps_, x.places, x.count, u, point_.weight, columns_);
        if (point_.bias) kernels_.add_scaled(point_.bias, u, T(-c * of_bias), point_.bias, columns_);
        return true;
    }
    // rate_j x_j, after the row is counted.
    double step_of(Index j, double value, double square_of_gradient) const {
        double& sum = point_.sums[j];
        sum += value * value * square_of_gradient;
        return point_.rate * value / std::sqrt(point_.floor + sum);
    }
    // u' for each column.
    const T* implicit_gradient(double pull, Index label) {
        std::fill(held_, held_ + n_, T(0));
        kernels_.dual_step({.kind = rows_.loss.kind,
                            .number = T(rows_.loss.number),
                            .scores = scores_,
                            .label = label,
                            .target = nullptr,
                            .pull = T(paired() ? pull / 2 : pull), // the two go half as far each
                            .gradient = held_,
                            .change = change_,
                            .scratch = scratch_,
                            .n = n_});
        return paired() ? held_ + 1 : held_;
    }

    const Kernels<T>& kernels_;
    const OnlineRows<T>& rows_;
    const OnlinePoint<T>& point_;
    const Index n_, columns_;
    Buffer<T> buffers_;
    T *scores_, *gradient_, *held_, *change_, *scratch_, *steps_;
};

} // namespace

template <class T>
double learn_online(const Kernels<T>& kernels, const OnlineRows<T>& rows, const OnlinePoint<T>& point,
                    const std::int64_t* order, Index count, Poller& poller) {
    Learner<T> learner(kernels, rows, point);
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

#define STEEPEST_INSTANTIATE(T)                                                                  \
    template double learn_online(const Kernels<T>&, const OnlineRows<T>&, const OnlinePoint<T>&, \
                                 const std::int64_t*, Index, Poller&);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
