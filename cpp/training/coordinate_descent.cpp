// Compute: coordinate descent on a quadratic with an l1 penalty, after Friedman, Hastie and Tibshirani,
// Journal of Statistical Software 33, 2010.
#include "training/coordinate_descent.hpp"
#include "base/buffer.hpp"

#include <cmath>

namespace steepest {

double descend(const Kernels<double>& kernels, const PenalizedQuadratic& quadratic, double* slope,
               double* point, Index sweeps, double tol, Poller& poller) {
    const Index n = quadratic.weights;
    double gain = 0;
    for (Index sweep = 0; sweep < sweeps && (sweep == 0 || gain > tol); ++sweep) {
        gain = 0;
        for (Index j = 0; j < n; ++j) {
            const double* const row = from(quadratic.products, j).data;
            if (!(row[j] > 0)) continue;
            const double pull = row[j] * point[j] - slope[j], rest = std::abs(pull) - quadratic.l1[j];
            const double best = rest > 0 ? std::copysign(rest, pull) / row[j] : 0.0, move = best - point[j];
            if (move == 0) continue;
            point[j] = best;
            kernels.add_scaled(slope, row, move, slope, n);
            gain += row[j] * move * move / 2;
            poller.poll(double(n));
            if (poller.stopped()) return gain;
        }
    }
    return gain;
}

} // namespace steepest
