"""The visual viewpoint: each column of a linear classifier's weight is a template for a class.

python examples/templates.py [PICTURE]
"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.figure import Figure

import steepest as st

X, y = st.datasets.load_digits()
X /= 16
train, test = st.datasets.stratified_split(y, 0.2, seed=0)

figure = Figure((7.3, 6.6), layout="constrained")
for loss, part in zip(("softmax", "hinge"), figure.subfigures(2, 1), strict=True):
    model = st.Sequential(st.Linear(64, 10), dtype=np.float64)
    model.load_state_dict({"0.weight": np.zeros((64, 10)), "0.bias": np.zeros(10)})
    history = model.fit(
        X[train], y[train], loss=loss, optimizer=st.SGD(0.1, momentum=0.9), penalty=st.L2(1e-3), epochs=40
    )
    accuracies = [np.mean(model.predict(X[rows]) == y[rows]) for rows in (train, test)]
    print(f"{loss:8} objective {history.loss[-1]:.4f} train {accuracies[0]:.4f} test {accuracies[1]:.4f}")
    part.suptitle(loss)
    st.plots.templates(model, (8, 8), figure=part)
images = [image for axes in figure.axes for image in axes.images]
most = max(image.norm.vmax for image in images)
for image in images:
    image.set_clim(-most, most)  # one scale for both losses
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "templates.png")
