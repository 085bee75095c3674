"""Where a model's error comes from: too small a model, too few samples, or too little training.

    E(model) = remaining error + approximation error + estimation error + optimization error

On the bundled digits, for networks of 2, 8 and 32 hidden units that see an eighth of the training samples.

    python examples/error_decomposition.py [PICTURE]
"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.figure import Figure

import steepest as st

X, y = st.datasets.load_digits()
X /= 16
train, test = st.datasets.stratified_split(y, 0.25, seed=0)


def network(hidden: int):
    """A function that makes networks with `hidden` units, or `width` times as many."""

    def make(width: int, seed: int) -> st.Sequential:
        units = hidden * width
        return st.Sequential(
            st.Linear(64, units), st.Tanh(), st.Linear(units, 10), dtype=np.float64, seed=seed
        )

    return make


figure = Figure((11, 3.8), layout="constrained")
for hidden, axes in zip((2, 8, 32), figure.subplots(1, 3, sharey=True), strict=True):
    result = st.error_decomposition(
        network(hidden),
        (X[train], y[train]),
        (X[test], y[test]),
        samples=len(train) // 8,
        epochs=15,
        longer=5,
        width=64 // hidden,
        seeds=range(3),
        measure="error_rate",
        optimizer=st.SGD(0.1, momentum=0.9),
        penalty=st.L2(1e-4),
    )
    print(f"{hidden} hidden units:", result)
    result.plot(axes).label_outer()
    axes.set_title(f"{hidden} hidden units")
    axes.tick_params(axis="x", rotation=30)
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "error_decomposition.png")
