"""Is the gradient right? Three ways to compute it agree until one is broken; how accurate differences are.

python examples/check_gradients.py [PICTURE]
"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.figure import Figure

import steepest as st

X, y = st.datasets.load_digits()
X, y = X[:20] / 16, y[:20]
layers = st.Linear(64, 30), st.ReLU(), st.Linear(30, 10)


class Forgetful(st.Sequential):
    """A model whose gradients leave out the penalty."""

    def loss_and_gradients(self, X, y, *, penalty=None, **how):
        objective, _ = super().loss_and_gradients(X, y, penalty=penalty, **how)
        return objective, super().loss_and_gradients(X, y, **how)[1]


print(st.gradients.check_gradients(st.Sequential(*layers), X, y, "softmax", st.L2(1e-3)))
print(st.gradients.check_gradients(Forgetful(*layers), X, y, "softmax", st.L2(1e-3)))


def loss(weights: np.ndarray) -> float:
    """The loss of a linear classifier."""
    return st.functional.softmax_cross_entropy(st.functional.linear(X, weights), y)[0]


weights = 0.1 * np.random.default_rng(0).standard_normal((64, 10))
_, grad = st.functional.softmax_cross_entropy(st.functional.linear(X, weights), y)
analytic = st.functional.linear_backward(X, weights, grad)[1]
exponents = np.arange(1, 13)
figure = Figure((6, 4), layout="constrained")
axes = figure.subplots()
print("correct digits for h = 10 ** -n")
print("n       " + "".join(f"{n:6}" for n in exponents))
for method in ("forward", "central"):
    numerical = [st.gradients.numerical_gradient(loss, weights, 10.0**-n, method=method) for n in exponents]
    errors = np.array([np.linalg.norm(g - analytic) / np.linalg.norm(analytic) for g in numerical])
    print(f"{method} " + "".join(f"{digits:6.1f}" for digits in -np.log10(errors)))
    axes.loglog(10.0**-exponents, errors, "o-", label=f"{method} differences")
axes.set(xlabel="step h", ylabel="relative error")
axes.legend()
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "check_gradients.png")
