"""How good answers are, beside what a constant answer would reach: numbers that JSON can keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import metrics

Measures = dict[str, Any]
_NAMED = 3  # classes that a warning names


def of_classes(labels: Sequence[str], truth: NDArray[np.int64], outputs: NDArray[Any]) -> Measures:
    """Of (rows, classes) outputs for rows of these classes."""
    predicted = outputs.argmax(axis=1)
    count = len(labels)
    each = metrics.per_class(truth, predicted, count)
    confusion = metrics.confusion_matrix(truth, predicted, count)
    support = np.bincount(truth, minlength=count)
    most = int(support.argmax())
    found: Measures = {
        "rows": len(truth),
        "accuracy": float(metrics.accuracy(truth, predicted)),
        "right": int(np.count_nonzero(predicted == truth)),
        "baseline": {"answer": labels[most], "accuracy": float(support[most] / len(truth))},
        "balanced_accuracy": float(metrics.balanced_accuracy(truth, predicted)),
        "f1": float(np.mean(np.asarray(each.f1)[support > 0])),
    }
    if count == 2 and (support > 0).all():
        found["auc"] = float(metrics.auc(truth, outputs))
    rows = zip(labels, each.precision, each.recall, each.f1, support, strict=True)
    found["classes"] = [
        {"label": label, "precision": float(p), "recall": float(r), "f1": float(f), "rows": int(n)}
        for label, p, r, f, n in rows
    ]
    found["confusion"] = confusion.tolist()
    return found


def of_numbers(names: Sequence[str], truth: NDArray[Any], predicted: NDArray[Any]) -> Measures:
    """Of (rows, targets) predicted numbers."""
    truth, predicted = truth.astype(np.float64), predicted.astype(np.float64)
    targets = [_of_number(name, t, p) for name, t, p in zip(names, truth.T, predicted.T, strict=True)]
    found: Measures = {"rows": len(truth)}
    return found | (targets[0] if len(targets) == 1 else {"targets": targets})


def _of_number(name: str, truth: NDArray[Any], predicted: NDArray[Any]) -> Measures:
    mean = np.full_like(truth, truth.mean())
    constant = bool((truth == truth[0]).all())
    return {
        "target": name,
        "r2": None if constant else float(metrics.r2(truth, predicted)),
        "rmse": float(metrics.root_mean_squared_error(truth, predicted)),
        "mae": float(metrics.mean_absolute_error(truth, predicted)),
        "baseline": {
            "answer": float(mean[0]),
            "rmse": float(metrics.root_mean_squared_error(truth, mean)),
            "mae": float(metrics.mean_absolute_error(truth, mean)),
        },
    }


def of_several(names: Sequence[str], truth: NDArray[Any], outputs: NDArray[Any]) -> Measures:
    """Of (rows, targets) scores for targets that are 0 or 1 each."""
    right = (outputs > 0) == (truth > 0.5)
    share = truth.mean(axis=0)
    each = [
        metrics.per_class((t > 0.5).astype(np.int64), (o > 0).astype(np.int64), 2)
        for t, o in zip(truth.T, outputs.T, strict=True)
    ]
    return {
        "rows": len(truth),
        "accuracy": float(right.mean()),
        "rows_all_right": float(right.all(axis=1).mean()),
        "baseline": {
            "answer": ["1" if one > 0.5 else "0" for one in share],
            "accuracy": float(np.maximum(share, 1 - share).mean()),
        },
        "targets": [
            {
                "label": name,
                "precision": float(one.precision[1]),
                "recall": float(one.recall[1]),
                "f1": float(one.f1[1]),
                "rows": int(t.sum()),
            }
            for name, one, t in zip(names, each, truth.T, strict=True)
        ],
    }


def warnings(found: Measures) -> list[str]:
    """What a reader of the numbers should not overlook, one line each."""
    lines = []
    baseline = found.get("baseline", {})
    if "accuracy" in baseline and found["accuracy"] <= baseline["accuracy"]:
        answer = baseline["answer"]
        constant = "a constant answer" if isinstance(answer, list) else f"always answering {answer!r}"
        lines.append(
            f"the model is not better than {constant}: "
            f"accuracy {found['accuracy']:.4f} against {baseline['accuracy']:.4f}"
        )
    for target in [*found.get("targets", ()), found]:
        if target.get("r2") is not None and target["r2"] <= 0:
            lines.append(
                f"for {target['target']!r} the model is not better than always answering the mean "
                f"{target['baseline']['answer']:.6g}: R^2 is {target['r2']:.4f}"
            )
    if "confusion" in found:
        predicted = np.asarray(found["confusion"]).sum(axis=0)
        never = [
            one["label"] for one, n in zip(found["classes"], predicted, strict=True) if one["rows"] and not n
        ]
        if never:
            shown = ", ".join(map(repr, never[:_NAMED]))
            more = f" and {len(never) - _NAMED} more" if len(never) > _NAMED else ""
            which = "class" if len(never) == 1 else "classes"
            lines.append(
                f"{which} {shown}{more} never predicted: "
                "with few rows of a class, --class-weight balanced may help"
            )
    return lines
