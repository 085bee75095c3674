"""Regularization: what keeps a network from memorizing 400 digits, wrong labels included.

60 of the 400 have a wrong label; those for validation and test do not. For each method it prints the epochs,
the accuracies, and how many weights are exactly 0 or smaller than 0.01.

    python examples/regularization.py [PICTURE]
"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.figure import Figure

import steepest as st

X, y = st.datasets.load_digits()
X /= 16
train, validation, test = np.split(np.random.default_rng(0).permutation(len(y)), [400, 700])
held_out, labels, accuracies = (X[validation], y[validation]), y[train], {}
labels[:60] = (labels[:60] + np.random.default_rng(1).integers(1, 10, 60)) % 10


def network(*between: st.layers.Layer) -> list[st.layers.Layer]:
    return [st.Linear(64, 100), st.ReLU(), *between, st.Linear(100, 10)]


# By name: the layers, and the options of `fit`.
ENTRIES = {
    "nothing": (network(), {}),
    "L2": (network(), {"penalty": st.L2(1e-2)}),
    "L1": (network(), {"penalty": st.L1(2e-3)}),
    "elastic net": (network(), {"penalty": st.ElasticNet(1e-3, beta=5.0)}),
    "proximal L1": (network(), {"penalty": st.L1(2e-3, proximal=True)}),
    "dropout": (network(st.Dropout(0.5)), {}),
    "max-norm": (network(), {"constraint": st.MaxNorm(1.0)}),
    "batch norm": (network(st.BatchNorm(100)), {}),
    "stochastic depth": (network(st.Residual(st.Linear(100, 100), survival_probability=0.5)), {}),
    "early stopping": (network(), {"callbacks": [st.EarlyStopping(10)], "validation_data": held_out}),
}
settings = {"optimizer": st.SGD(0.05, momentum=0.9), "epochs": 200, "batch_size": 100}
print(f"{'':16} epochs  train   test  zero small   of")
for name, (layers, options) in ENTRIES.items():
    model = st.Sequential(*layers, dtype=np.float64)
    history = model.fit(X[train], labels, **settings, **options)
    weights = np.concatenate([w.ravel() for key, w in model.state_dict().items() if key.endswith("weight")])
    right = [np.mean(model.predict(X[i]) == goal) for i, goal in ((train, labels), (test, y[test]))]
    counts = np.sum(weights == 0), np.sum(np.abs(weights) < 0.01), weights.size
    print(f"{name:16} {history.epochs:6} {right[0]:6.4f} {right[1]:6.4f}", *(f"{n:5}" for n in counts))
    accuracies[name] = right
axes = Figure((13, 4), layout="constrained").subplots()
places, (trained, tested) = np.arange(len(accuracies)), np.transpose(list(accuracies.values()))
axes.bar(places - 0.2, trained, width=0.38, label="train")
axes.bar(places + 0.2, tested, width=0.38, label="test")
axes.set(ylabel="accuracy", ylim=(0, 1), xticks=places, xticklabels=accuracies)
axes.axhline(340 / 400, color="gray", linestyle="dotted", label="share of correct training labels")
axes.tick_params(axis="x", labelsize="small")
axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
axes.figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "regularization.png")
