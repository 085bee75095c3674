// Compute: the weight of a sparse first stage, whose penalty and momentum are put off.
#include "network/sparse/lazy_weight.hpp"

#include <algorithm>
#include <cmath>

namespace steepest {
namespace {

constexpr double small_scale = 1e-3; // below, a float loses bits to the numbers that it is added to
constexpr double large_growth = 256; // of steps of P and Q, whose difference is a step of W: it costs 8 bits
constexpr int chains = 8;            // of a sum

} // namespace

template <class T>
void LazyWeight<T>::begin(MatrixView<T> weight, MatrixView<T> velocity, Index rows, Index columns,
                          Momentum momentum, double l2) {
    weight_ = weight, velocity_ = velocity, rows_ = rows, columns_ = columns;
    momentum_ = momentum, l2_ = l2, active_ = true;
    row_sums_.reserve(sums() * rows);
    term_sums_.reserve(sums() * ((rows + term_rows - 1) / term_rows));
    reset();
}

// With slope = 2 l2 rate, a step without a gradient is, for plain and for Nesterov's momentum m,
//     V' = m V - slope W,  W' = W + V'   and   W' = W + m V' - slope W,
// and a gradient g adds -rate g to V', and as much, or 1 + m times as much, to W'. P and Q get what the new
// mixture makes of that.
template <class T> Update<T> LazyWeight<T>::prepare(Update<T> update, double rate, double share) {
    const double slope = rate * 2 * l2_ * share, m = momentum_.value;
    update.l2_slope = 0;
    if (!has_velocity()) {
        next_.a = now_.a * (1 - slope);
        update.learning_rate = T(rate / next_.a);
        return update;
    }
    const double along = momentum_.nesterov ? 1 + m : 1, kept = momentum_.nesterov ? m * m : m;
    next_ = {.a = (1 - along * slope) * now_.a + kept * now_.c,
             .b = (1 - along * slope) * now_.b + kept * now_.d,
             .c = m * now_.c - slope * now_.a,
             .d = m * now_.d - slope * now_.b};
    const double determinant = next_.a * next_.d - next_.b * next_.c;
    const double of_weight = (next_.d * along - next_.b) / determinant;
    const double of_velocity = (next_.a - next_.c * along) / determinant;
    weight_step_ = -rate * of_weight, velocity_step_ = -rate * of_velocity;
    next_.growth = std::max(std::abs(of_weight), std::abs(of_velocity));
    return update;
}

template <class T> bool LazyWeight<T>::needs_flush() const {
    return now_.a < small_scale || (has_velocity() && !(now_.growth < large_growth));
}

template <class T>
void LazyWeight<T>::update_row(const Kernels<T>& kernels, Index i, const T* gradient) const {
    T *const p = from(weight_, i).data, *const q = from(velocity_, i).data;
    kernels.add_scaled(p, gradient, T(weight_step_), p, columns_);
    kernels.add_scaled(q, gradient, T(velocity_step_), q, columns_);
}

template <class T> void LazyWeight<T>::renew_row(const Kernels<T>& kernels, Index i) const {
    if (l2_ == 0) return;
    const auto square = [&](MatrixView<T> m) {
        return kernels.penalty(read_only(from(m, i)), 1, columns_, 1, 0);
    };
    double* const sum = row_sums_.data() + sums() * i;
    sum[0] = square(weight_);
    if (!has_velocity()) return;
    const T *const p = from(weight_, i).data, *const q = from(velocity_, i).data;
    double products[chains] = {};
    Index j = 0;
    for (; j + chains <= columns_; j += chains)
        for (int k = 0; k < chains; ++k) products[k] += double(p[j + k]) * double(q[j + k]);
    for (int k = 0; j < columns_; ++j, ++k) products[k] += double(p[j]) * double(q[j]);
    sum[1] = 0, sum[2] = square(velocity_);
    for (const double product : products) sum[1] += product;
}

template <class T> void LazyWeight<T>::renew_term(Range rows) const {
    if (l2_ == 0) return;
    const int n = sums();
    for (int k = 0; k < n; ++k) {
        double sum = 0;
        for (Index i = rows.begin; i < rows.end; ++i) sum += row_sums_.data()[n * i + k];
        term_sums_.data()[n * (rows.begin / term_rows) + k] = sum;
    }
}

template <class T> void LazyWeight<T>::make_terms(const Kernels<T>& kernels, const Share& share) const {
    const Range own = row_chunk(rows_, term_rows, share);
    for (Index i = own.begin; i < own.end; i += term_rows) {
        const Range term{i, std::min(i + term_rows, own.end)};
        for (Index k = term.begin; k < term.end; ++k) renew_row(kernels, k);
        renew_term(term);
    }
}

template <class T> double LazyWeight<T>::penalty() const {
    if (l2_ == 0) return 0;
    const Index terms = (rows_ + term_rows - 1) / term_rows;
    const double* sum = term_sums_.data();
    double pp = 0, pq = 0, qq = 0;
    if (!has_velocity()) {
        for (Index i = 0; i < terms; ++i) pp += sum[i];
        return l2_ * now_.a * now_.a * pp;
    }
    for (Index i = 0; i < terms; ++i, sum += 3) pp += sum[0], pq += sum[1], qq += sum[2];
    return l2_ * (now_.a * now_.a * pp + 2 * now_.a * now_.b * pq + now_.b * now_.b * qq);
}

template <class T> void LazyWeight<T>::flush(const Share& share) const {
    if (!active_ || (now_.a == 1 && now_.b == 0 && now_.c == 0 && now_.d == 1)) return;
    const Range own = row_chunk(rows_, term_rows, share);
    for (Index i = own.begin; i < own.end; ++i) {
        T* const p = from(weight_, i).data;
        if (!has_velocity()) {
            for (Index j = 0; j < columns_; ++j) p[j] = T(now_.a * double(p[j]));
            continue;
        }
        T* const q = from(velocity_, i).data;
        for (Index j = 0; j < columns_; ++j) {
            const double w = double(p[j]), v = double(q[j]);
            p[j] = T(now_.a * w + now_.b * v), q[j] = T(now_.c * w + now_.d * v);
        }
    }
}

template class LazyWeight<float>;
template class LazyWeight<double>;

} // namespace steepest
