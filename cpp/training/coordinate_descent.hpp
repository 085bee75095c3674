// Compute: coordinate descent on a quadratic with an l1 penalty.
#pragma once

#include "base/poll.hpp"
#include "kernels/dispatch.hpp"

namespace steepest {

// d @ products @ d / 2 + sum of l1 * |w|, for moves d of a point w. The products are symmetric.
struct PenalizedQuadratic {
    MatrixView<const double> products;
    const double* l1;
    Index weights;
};

// Takes each weight to its best value given the others, in order, again and again: until such a sweep gains
// no more than tol, or so many sweeps are made. The slope, of the quadratic and a linear part of the
// caller's, follows the point. Returns what the last sweep has gained, at least. A weight that nothing bounds
// stays.
double descend(const Kernels<double>& kernels, const PenalizedQuadratic& quadratic, double* slope,
               double* point, Index sweeps, double tol, Poller& poller);

} // namespace steepest
