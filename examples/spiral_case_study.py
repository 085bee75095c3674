"""The case study of the CS231n notes: a spiral that a linear classifier cannot learn, and a small net can.

With the data and initial weights of the notes, it prints the notes' losses and accuracies, 49 % and 98 %.

    python examples/spiral_case_study.py [PICTURE]
"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.figure import Figure

import steepest as st

X, y = st.datasets.spiral()
random = np.random.RandomState(0)  # legacy, as in the notes
random.randn(300 + 18)  # the noise of the data, and the weights of the three runs before the one printed
linear_start = {"0.weight": 0.01 * random.randn(2, 3), "0.bias": np.zeros(3)}
net_start = {
    "0.weight": 0.01 * random.randn(2, 100),
    "0.bias": np.zeros(100),
    "2.weight": 0.01 * random.randn(100, 3),
    "2.bias": np.zeros(3),
}


def descend(name: str, start: dict[str, np.ndarray], *layers: st.layers.Layer, steps: int, printed: int):
    """Full-batch gradient descent, its loss printed as in the notes."""
    model = st.Sequential(*layers, dtype=np.float64)
    model.load_state_dict(start)
    history = model.fit(
        X,
        y,
        loss="softmax",
        optimizer=st.SGD(1.0),
        penalty=st.L2(1e-3 / 2),  # the notes' penalty has a factor 1/2
        epochs=steps,
        batch_size=None,
        shuffle=False,
    )
    for step in range(0, steps, printed):
        print(f"{name} iteration {step:4d} loss {history.loss[step]:.6f}")
    print(f"{name} training accuracy {np.mean(model.predict(X) == y):.2f}")
    return model


linear = descend("linear", linear_start, st.Linear(2, 3), steps=200, printed=10)
net = descend("net", net_start, st.Linear(2, 100), st.ReLU(), st.Linear(100, 3), steps=10000, printed=1000)

figure = Figure((12, 4.2), layout="constrained")
for model, title, axes in zip(
    (linear, net), ("linear", "100 hidden units"), figure.subplots(1, 2), strict=True
):
    st.plots.decision_regions(model, X, y, ax=axes)
    axes.set_title(f"{title}: {np.mean(model.predict(X) == y):.0%}")
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "spiral_case_study.png")
