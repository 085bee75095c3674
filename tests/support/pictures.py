"""What tests of pictures draw, and read off them."""

from __future__ import annotations

import numpy as np

import steepest as st

CORNERS = np.array([[1.0, 1.0], [-1.0, 1.0], [0.0, -1.0]])


def linear_classifier(weight, bias=None, dtype=np.float64):
    inputs, outputs = np.shape(weight)
    model = st.Sequential(st.Linear(inputs, outputs), dtype=dtype)
    model.load_state_dict({"0.weight": weight, "0.bias": np.zeros(outputs) if bias is None else bias})
    return model


def legend(ax):
    """The words of the legend; none if there is no legend."""
    found = ax.get_legend()
    return [text.get_text() for text in found.get_texts()] if found else []
