"""Two losses of the same scores: the lecture's cat, car and frog, and how each reacts to a changed score.

SVM:      sum over j != y of max(0, s_j - s_y + 1)
softmax:  -log(exp(s_y) / sum over j of exp(s_j))

python examples/softmax_vs_svm.py [PICTURE]
"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.figure import Figure

import steepest as st

CLASSES = ["cat", "car", "frog"]
# One row per image: of a cat, a car and a frog.
scores = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
labels = np.arange(3)


def both(scores: np.ndarray, label: int) -> tuple[float, float]:
    """SVM and softmax loss of one image."""
    rows, labels = scores[np.newaxis], np.array([label])
    svm, _ = st.functional.multiclass_hinge(rows, labels)
    softmax, _ = st.functional.softmax_cross_entropy(rows, labels)
    return svm, softmax


print("image    cat    car   frog     SVM  softmax")
for image, row, label in zip(CLASSES, scores, labels, strict=True):
    svm, softmax = both(row, label)
    print(f"{image:5} {row[0]:6.2f} {row[1]:6.2f} {row[2]:6.2f} {svm:7.4f} {softmax:8.4f}")
mean_svm, _ = st.functional.multiclass_hinge(scores, labels)
mean_softmax, _ = st.functional.softmax_cross_entropy(scores, labels)
print(f"mean                       {mean_svm:7.4f} {mean_softmax:8.4f}")
print("probabilities of the cat's image", *st.functional.softmax(scores[:1])[0].round(4))

print("the car's image, its own score moved by")
for shift in (-3, -2, -1, -0.5, 0, 0.5, 1, 2):
    svm, softmax = both(scores[1] + [0, shift, 0], 1)
    print(f"{shift:5.1f} SVM {svm:7.4f} softmax {softmax:7.4f}")

shifts = np.linspace(-5, 5, 201)
figure = Figure((9, 3), layout="constrained")
for axes, image, row, label in zip(figure.subplots(1, 3), CLASSES, scores, labels, strict=True):
    moved = row + shifts[:, np.newaxis] * np.eye(3)[label]
    axes.plot(shifts, [both(one, label) for one in moved], label=["SVM", "softmax"])
    axes.axvline(0, color="gray", linewidth=0.5)
    axes.set(title=f"image of a {image}", xlabel=f"change of the {image} score", ylabel="loss")
    axes.legend()
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "softmax_vs_svm.png")
