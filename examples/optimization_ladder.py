"""The lecture's optimization methods, on a linear softmax classifier of the handwritten digits.

Random search, local search, gradient descent with the numerical gradient, and with the analytic one.

    python examples/optimization_ladder.py [PICTURE]
"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.figure import Figure

import steepest as st

X, y = st.datasets.load_digits()
X = np.hstack([X / 16, np.ones((len(X), 1))])  # the bias is one more row of the weights
train, test = st.datasets.stratified_split(y, 0.2, seed=0)
x, labels = X[train[:300]], y[train[:300]]
shape = (65, 10)


def loss(weights: np.ndarray) -> float:
    """The loss on 300 digits."""
    return st.functional.softmax_cross_entropy(st.functional.linear(x, weights), labels)[0]


def analytic(loss: object, weights: np.ndarray) -> np.ndarray:
    """The gradient of `loss`, by calculus."""
    _, grad = st.functional.softmax_cross_entropy(st.functional.linear(x, weights), labels)
    return st.functional.linear_backward(x, weights, grad)[1]


start = np.zeros(shape)
methods = {
    "random search": st.gradients.random_search(loss, shape, tries=1000, scale=0.1),
    "local search": st.gradients.local_search(loss, start, steps=1000, step_size=0.03),
    "numerical gradient": st.gradients.gradient_descent(loss, start, step_size=1.0, steps=3),
    "analytic gradient": st.gradients.gradient_descent(loss, start, 1.0, 100, analytic),
}
print("method                 loss  test accuracy  evaluations of the loss")
for name, descent in methods.items():
    accuracy = np.mean((X[test] @ descent.weights).argmax(axis=1) == y[test])
    print(f"{name:18} {descent.loss:8.4f} {accuracy:13.1%} {descent.evaluations:12}")
apart = np.abs(methods["numerical gradient"].path - methods["analytic gradient"].path[:4]).max()
print(f"after three steps the two descents are {apart:.6f} apart")

figure = Figure((6, 4), layout="constrained")
axes = figure.subplots()
for name, descent in methods.items():
    axes.plot(np.linspace(1, descent.evaluations, len(descent.losses)), descent.losses, label=name)
axes.set(xscale="log", yscale="log", xlabel="evaluations of the loss", ylabel="loss")
axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "optimization_ladder.png")
