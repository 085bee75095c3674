"""Overfitting: polynomials of degree 1 to 7 fitted to the lecture's eight points, without and with L2.

    minimize  mean((p(x) - y)**2) + strength * sum(w**2)     w: the coefficients of the standardized powers

The test error is leave-one-out: that of each point for the polynomial fitted to the other seven, averaged.

    python examples/polynomial_regression.py [PICTURE]
"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.figure import Figure

import steepest as st

x, y = st.datasets.lecture_polynomial()
others = [np.arange(8) != i for i in range(8)]


def fit(x: np.ndarray, y: np.ndarray, degree: int, strength: float):
    """The fitted polynomial, as a function."""
    features = st.PolynomialFeatures(degree)
    A = features.fit_transform(x)
    curvature = 2 * (np.linalg.eigvalsh(A.T @ A / len(A)) + strength)  # and 2 in the bias
    low, high = np.sqrt([max(min(curvature[0], 2), 1e-6), max(curvature[-1], 2)])
    heavy_ball = st.SGD(4 / (low + high) ** 2, momentum=((high - low) / (high + low)) ** 2)
    model = st.Sequential(st.Linear(degree, 1), dtype=np.float64)
    model.load_state_dict({"0.weight": np.zeros((degree, 1)), "0.bias": [0.0]})
    whole = {"epochs": int(200 + 15 * high / low), "batch_size": None, "shuffle": False, "progress": False}
    model.fit(A, y, loss="squared_error", optimizer=heavy_ball, penalty=st.L2(strength), **whole)
    return lambda x: model(features.transform(x))[:, 0]


figure = Figure((12, 5), layout="constrained")
panels = figure.subplots(2, 7, sharex=True, sharey=True)
grid = np.linspace(8, 62, 300)
print("strength degree  train error   test error")
for strength, row in zip((0.0, 0.1), panels, strict=True):
    for degree, axes in enumerate(row, start=1):
        polynomial = fit(x, y, degree, strength)
        train = np.mean((polynomial(x) - y) ** 2)
        test = np.mean([(fit(x[k], y[k], degree, strength)(x[~k]) - y[~k]) ** 2 for k in others])
        print(f"{strength:8.1f} {degree:6d} {train:12.4f} {test:12.4f}")
        axes.plot(grid, polynomial(grid))
        axes.plot(x, y, "k.")
        axes.set(title=f"degree {degree}", ylim=(0, 20))
        if (low := polynomial(grid).min()) < 0:
            axes.text(60, 0.5, f"down to {low:.0f}", fontsize="small", ha="right")
    row[0].set_ylabel(f"y, L2 strength {strength}")
figure.supxlabel("x")
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "polynomial_regression.png")
