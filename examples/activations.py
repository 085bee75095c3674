"""Every activation and its derivative, as a model computes them: forward, and back through the loss.

python examples/activations.py [PICTURE]
"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.figure import Figure

import steepest as st

ACTIVATIONS = [
    st.Sigmoid(),
    st.Tanh(),
    st.LeCunTanh(),
    st.ReLU(),
    st.LeakyReLU(0.1),
    st.ELU(1.0),
    st.Softplus(),
    st.GELU(),
]
PRINTED = (-2.0, -0.5, 0.0, 0.5, 2.0)
HALF = 0.5  # the residual, whose square has derivative 1


def values_and_derivatives(layer: st.layers.Layer, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f(z) and f'(z): with x = 0, bias z and targets 1/2 below f(z), the gradient of the bias is f'(z)."""
    n = len(z)
    model = st.Sequential(st.Linear(1, n), layer, dtype=np.float64)
    model.load_state_dict({"0.weight": np.zeros((1, n)), "0.bias": z})
    x = np.zeros((1, 1))
    f = model(x)
    _, gradients = model.loss_and_gradients(x, f - HALF, loss="squared_error")
    return f[0], gradients["0.bias"]


figure = Figure((10, 5), layout="constrained")
panels = figure.subplots(2, 4, sharex=True).ravel()
grid = np.linspace(-4, 4, 401)
print(f"{'z':11}", *(f"{z:8.1f}" for z in PRINTED))
for layer, axes in zip(ACTIVATIONS, panels, strict=True):
    for what, numbers in zip(("f", "f'"), values_and_derivatives(layer, np.array(PRINTED)), strict=True):
        print(
            f"{type(layer).__name__ if what == 'f' else '':10}{what:2}",
            *(f"{number:8.4f}" for number in numbers),
        )
    axes.plot(grid, np.column_stack(values_and_derivatives(layer, grid)), label=["f", "f'"])
    axes.set(title=repr(layer).replace("negative_slope=", "").replace("()", ""), ylim=(-2, 4))
    axes.grid(color="0.9")
panels[0].legend()
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "activations.png")
