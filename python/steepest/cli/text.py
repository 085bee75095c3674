"""Measures as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from .measures import Measures

_LARGEST_CONFUSION = 20
_LARGEST_TABLE = 50
_WORST = 5
_LABEL = 24  # characters of a label


def score(found: Measures) -> str:
    """The one number that says most."""
    if "accuracy" in found:
        return f"accuracy {found['accuracy']:.4f}"
    if "targets" in found:
        known = [one["r2"] for one in found["targets"] if one["r2"] is not None]
        return f"mean R^2 {sum(known) / len(known):.4f}" if known else "R^2 undefined"
    return f"RMSE {found['rmse']:.5g}, R^2 {_r2(found)}"


def scores(several: Sequence[Measures]) -> tuple[str, list[float]]:
    """Name and values of that number: accuracy, or the mean R^2 of the targets."""
    if "accuracy" in several[0]:
        return "accuracy", [found["accuracy"] for found in several]
    values = []
    for found in several:
        known = [one["r2"] for one in found.get("targets", [found]) if one["r2"] is not None]
        values.append(sum(known) / len(known) if known else float("nan"))
    return "R^2", values


def report(found: Measures, name: str) -> list[str]:
    """All of it; `name` says which rows these are, as in "test"."""
    if "confusion" in found:
        return _of_classes(found, name)
    if "accuracy" in found:
        return _of_several(found, name)
    return _of_numbers(found, name)


def _of_classes(found: Measures, name: str) -> list[str]:
    baseline = found["baseline"]
    lines = [
        f"{name} accuracy {found['accuracy']:.4f} ({found['right']} of {found['rows']}); "
        f"always {_short(baseline['answer'])!r}: {baseline['accuracy']:.4f}"
    ]
    auc = f", AUC {found['auc']:.4f}" if "auc" in found else ""
    lines.append(f"{name} balanced accuracy {found['balanced_accuracy']:.4f}, mean F1 {found['f1']:.4f}{auc}")
    lines += ["", *_table("class", found["classes"]), ""]
    labels = [one["label"] for one in found["classes"]]
    return [*lines, *_confusion(labels, found["confusion"])]


def _of_several(found: Measures, name: str) -> list[str]:
    baseline = found["baseline"]["accuracy"]
    return [
        f"{name} accuracy {found['accuracy']:.4f} per answer; the more frequent answers: {baseline:.4f}",
        f"{name} rows with all answers right: {found['rows_all_right']:.4f}",
        "",
        *_table("target", found["targets"]),
    ]


def _of_numbers(found: Measures, name: str) -> list[str]:
    lines = []
    for one in found.get("targets", [found]):
        of = f" of {one['target']}" if "targets" in found else ""
        baseline = one["baseline"]
        lines += [
            f"{name} R^2{of} {_r2(one)}, RMSE {one['rmse']:.5g}, MAE {one['mae']:.5g}",
            f"always the mean {baseline['answer']:.5g}: RMSE {baseline['rmse']:.5g}, "
            f"MAE {baseline['mae']:.5g}",
        ]
    return lines


def _r2(found: Measures) -> str:
    return "undefined: the targets are all equal" if found["r2"] is None else f"{found['r2']:.4f}"


def _table(head: str, rows: Sequence[Measures]) -> list[str]:
    """Precision, recall, F1 and rows of each class, of the most frequent ones if there are many."""
    shown = (
        sorted(rows, key=lambda one: -one["rows"])[:_LARGEST_TABLE] if len(rows) > _LARGEST_TABLE else rows
    )
    side = max(len(head), *(len(_short(one["label"])) for one in shown))
    lines = [f"{head:<{side}}  precision  recall      F1  {'rows':>6}"]
    lines += [
        f"{_short(one['label']):<{side}}  {one['precision']:>9.4f}  {one['recall']:.4f}  {one['f1']:.4f}"
        f"  {one['rows']:>6}"
        for one in shown
    ]
    if len(rows) > len(shown):
        lines.append(f"and {len(rows) - len(shown)} classes with fewer rows; --json has all")
    return lines


def _confusion(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> list[str]:
    """How many rows of each class were taken for which: a table, or the worst of a large one."""
    if len(labels) > _LARGEST_CONFUSION:
        pairs = [(n, i, j) for i, row in enumerate(counts) for j, n in enumerate(row) if n and i != j]
        worst = sorted(pairs, key=lambda pair: -pair[0])[:_WORST]
        lines = [f"{_short(labels[i])} taken for {_short(labels[j])}: {n}" for n, i, j in worst]
        return ["most frequent confusions:", *lines] if lines else ["no confusions"]
    short = [label if len(label) <= 12 else label[:11] + "~" for label in labels]
    side = max(4, *map(len, short))
    width = max(len(str(max(map(max, counts)))), *map(len, short)) + 2
    rows = [
        f"{name:>{side}}" + "".join(f"{n:>{width}}" for n in row)
        for name, row in zip(short, counts, strict=True)
    ]
    return ["true | predicted", " " * side + "".join(f"{name:>{width}}" for name in short), *rows]


def _short(label: str) -> str:
    return label if len(label) <= _LABEL else label[: _LABEL - 1] + "~"
