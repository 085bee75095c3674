"""The network tab: a network, or two with different losses side by side, that learn points of the plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..._checks import Array
from ..fields import Flag, Integer, MessageError, Number, Text
from ..protocol import LONGEST, Answer, Tab, action
from . import export, parts, pictures, plane, runs, settings, table
from .run import Run

_LONGEST_FRAME = 0.1  # seconds of learning
_MOST_EPOCHS = 1_000_000  # that a link replays
_LARGEST = 1e4  # of the weights that can be typed
_SLICE = 0.5  # seconds of a replay before the page hears of it


class _State(NamedTuple):
    """Everything that follows from the settings."""

    chosen: Mapping[str, Any]
    samples: plane.Samples
    held_out: Array
    runs: runs.Runs
    painters: tuple[pictures.Painter, ...]
    own: table.Own | None  # where the samples come from a table


class NetworkTab(Tab):
    """What one page's network tab is learning."""

    def __init__(self, own: table.Own | None = None) -> None:
        self._own = own
        self._state = self._built(self._first())

    def _first(self) -> dict[str, Any]:
        first = settings.usual()
        if self._own is not None:
            plan, axes = self._own.planned(None)
            first["data"] |= {"name": "table", "target": plan.targets[0], "axes": axes[:2]}
            if plan.task == "regression":
                first["loss"] = {"name": "SquaredError", "settings": {}}
        return first

    def choices(self) -> Mapping[str, Any]:
        """What the page offers."""
        kinds = {
            "activations": parts.ACTIVATIONS,
            "losses": parts.LOSSES,
            "optimizers": parts.OPTIMIZERS,
            "penalties": parts.PENALTIES,
            "schedules": parts.SCHEDULES,
        }
        return {
            **{name: parts.described(of) for name, of in kinds.items()},
            "label_losses": [name for name, kind in parts.LOSSES.items() if kind.takes_labels],
            "layer": settings.USUAL_LAYER,
            "kinds": settings.KINDS,
            "normalizations": [*parts.NORMALIZATIONS],
            "classification": [*plane.CLASSIFICATION],
            "regression": [*plane.REGRESSION],
            "inputs": [*plane.INPUTS],
            "most": {
                "layers": settings.MOST_LAYERS,
                "units": settings.MOST_UNITS,
                "points": settings.MOST_POINTS,
                "epochs": _MOST_EPOCHS,
                "back": runs.DEPTH,
            },
            "most_classes": plane.MOST_CLASSES,
            "side": plane.SIDE,
            "settings": self._first(),
        }

    # ---- settings and data --------------------------------------------------------------------------------

    @action(settings.RULES)
    def configure(self, **chosen: Any) -> Answer:
        """Take other settings: go on where only `settings.LIVE` differ, else begin anew."""
        before = self._state.chosen
        different = {name for name in chosen if chosen[name] != before[name]}
        if different and different <= settings.LIVE:
            self._state.runs.change(chosen)
            self._state = self._state._replace(chosen=chosen)
            return self._frame()
        state = self._built(chosen)
        answer = self._whole(state)  # may refuse too
        self._state = state
        return answer

    @action(name=Text(200), text=Text(LONGEST))
    def upload(self, name: str, text: str) -> Answer:
        """Take a table, given as the text of a file, which is kept in memory alone."""
        own = table.read(name, text)
        plan, axes = own.planned(None)
        answer = Answer(
            {"target": plan.targets[0], "axes": axes[:2], "task": plan.task, **_columns(own, None)}
        )
        self._own = own
        return answer

    @action(target=Text(LONGEST))
    def columns(self, target: str) -> Answer:
        """What the table's axes can be, if this column is to be predicted."""
        if self._own is None:
            raise MessageError("there is no table: drop a file on the page")
        plan, axes = self._own.planned(target)
        return Answer({"task": plan.task, "first": axes[:2], **_columns(self._own, target)})

    def _built(self, chosen: Mapping[str, Any]) -> _State:
        samples = self._samples(chosen["data"])
        labelled = bool(samples.classes)
        held_out = plane.split(samples.y, chosen["test_share"], chosen["data"]["seed"], labelled)
        X = plane.inputs(samples.X, chosen["inputs"])
        losses = [chosen["loss"], *([chosen["compare"]] if chosen["compare"] else [])]
        classes = len(samples.classes)
        made = runs.Runs([Run(chosen, loss, X, samples.y, held_out, classes) for loss in losses])
        painters = tuple(pictures.Painter(run, chosen["inputs"]) for run in made.each)
        own = self._own if chosen["data"]["name"] == "table" else None
        return _State(chosen, samples, held_out, made, painters, own)

    def _samples(self, data: Mapping[str, Any]) -> plane.Samples:
        if data["name"] == "drawn":
            return plane.drawn(data["points"])
        if data["name"] == "table":
            if self._own is None:
                raise MessageError("there is no table: drop the file on the page, then open the link again")
            return table.samples(self._own, data["target"], data["axes"], data["seed"])
        return plane.samples(data["name"], data["samples"], data["noise"], data["seed"])

    # ---- learning -----------------------------------------------------------------------------------------

    @action(seconds=Number(0.0, _LONGEST_FRAME), most=Integer(1, 10_000))
    def learn(self, seconds: float, most: int) -> Answer:
        """So many epochs at most, for about so long, shared by the runs; then what they have come to."""
        return self._frame(self._state.runs.learn(seconds, most))

    @action(epochs=Integer(0, _MOST_EPOCHS))
    def replay(self, epochs: int) -> Answer:
        """Learn up to that epoch, for half a second at most: the page asks again until it is reached."""
        return self._frame(self._state.runs.replay(_SLICE, epochs))

    @action()
    def back(self) -> Answer:
        """To what was before the last `learn` or `edit`, to the last bit."""
        return self._frame(None if self._state.runs.back() else "this is as far back as it goes")

    @action()
    def begin(self) -> Answer:
        """To the initial weights."""
        self._state.runs.begin()
        return self._frame()

    @action(
        run=Integer(0, 1),
        layer=Integer(0, settings.MOST_LAYERS),
        row=Integer(-1, settings.MOST_UNITS - 1),
        column=Integer(0, settings.MOST_UNITS - 1),
        weight=Number(-_LARGEST, _LARGEST),
    )
    def edit(self, run: int, layer: int, row: int, column: int, weight: float) -> Answer:
        """Set one weight, or with row -1 a bias, as a user typed it."""
        self._chosen_run(run)
        self._state.runs.edit(run, layer, row, column, weight)
        return self._frame()

    def _chosen_run(self, number: int) -> Run:
        each = self._state.runs.each
        if number >= len(each):
            raise MessageError(f"run must be less than {len(each)}, not {number}")
        return each[number]

    # ---- answers ------------------------------------------------------------------------------------------

    @action()
    def show(self) -> Answer:
        """Everything, as after `configure`."""
        return self._whole(self._state)

    @action(run=Integer(0, 1), model=Flag())
    def export(self, run: int, model: bool) -> Answer:
        """The Python program of a run, or its model as the bytes of a safetensors file."""
        shown, chosen = self._chosen_run(run), dict(self._state.chosen)
        if model:
            return Answer({}, {"file": np.frombuffer(shown.model.to_bytes(), np.uint8)})
        if run:
            chosen["loss"] = chosen["compare"]
        read = self._state.own.code if self._state.own is not None else ""
        exact = self._state.runs.exact
        return Answer({"program": export.program(chosen, shown, read, exact), "exact": exact})

    def _whole(self, state: _State) -> Answer:
        """What changes only with the settings, and a frame."""
        frame = _frame(state)
        labels = state.samples.y
        given: dict[str, Array] = {
            "points": state.samples.X.astype(np.float32),
            "targets": labels.astype(np.float32),
            "held_out": state.held_out.astype(np.uint8),
            "inputs": pictures.of_inputs(),
        }
        values: dict[str, Any] = {
            "settings": state.chosen,
            "classes": state.samples.classes,
            "axes": state.samples.axes,
            "notes": state.samples.notes,
        }
        if state.own is not None:
            values |= _columns(state.own, state.chosen["data"]["target"])
        return Answer({**values, **frame.values}, {**given, **frame.arrays})

    def _frame(self, said: str | None = None) -> Answer:
        return _frame(self._state, said)


def _columns(own: table.Own, target: str | None) -> dict[str, Any]:
    return {"columns": [*own.table.columns], "numbers": own.planned(target)[1], "table": own.table.name}


def _frame(state: _State, said: str | None = None) -> Answer:
    """What learning has come to, and a sentence about it."""
    runs = state.runs
    arrays: dict[str, Array] = {}
    for number, painter in enumerate(state.painters):
        arrays.update(painter.arrays(f"{number}."))
    values = {
        "epochs": runs.epochs,
        "steps": runs.steps,
        "speed": runs.speed(),
        "exact": runs.exact,
        "said": said,
        "runs": [{"loss": type(run.loss).__name__, **run.measures()} for run in runs.each],
    }
    return Answer(values, arrays)
