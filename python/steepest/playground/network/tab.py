"""The network tab: a network, or two with different losses side by side, that learn points of the plane."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..._checks import Array
from ...tables import Table
from ..fields import Flag, Integer, MessageError, Number, Text
from ..protocol import LONGEST, Answer, Tab, action
from . import export, parts, pictures, plane, settings, table
from .run import Run

_LONGEST_FRAME = 0.1  # seconds of learning
_LONGEST_CATCHING_UP = 60.0  # that another run has for the same epochs: it costs about as much
_MOST_EPOCHS = 1_000_000  # that a link replays
_FRAMES = 30  # over which the speed is measured
_PAUSE = 0.5  # seconds without learning
_SLICE = 0.5  # seconds of a replay before the page hears of it


class _State(NamedTuple):
    """Everything that follows from the settings."""

    chosen: Mapping[str, Any]
    samples: plane.Samples
    held_out: Array
    runs: tuple[Run, ...]
    painters: tuple[pictures.Painter, ...]
    table: Table | None  # where the samples come from one


class NetworkTab(Tab):
    """What one page's network tab is learning."""

    def __init__(self, own: Table | None = None) -> None:
        self._table = own
        self._exact = True  # whether the settings, with the number of epochs, lead to the same numbers
        self._clock: deque[tuple[float, int]] = deque(maxlen=_FRAMES)  # times, and steps done since the first
        self._state = self._built(self._first())

    def _first(self) -> dict[str, Any]:
        first = settings.usual()
        if self._table is not None:
            plan, axes = table.planned(self._table, None)
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
            "normalizations": [*parts.NORMALIZATIONS],
            "classification": [*plane.CLASSIFICATION],
            "regression": [*plane.REGRESSION],
            "inputs": [*plane.INPUTS],
            "most": {
                "layers": settings.MOST_LAYERS,
                "units": settings.MOST_UNITS,
                "points": settings.MOST_POINTS,
                "epochs": _MOST_EPOCHS,
            },
            "most_classes": plane.MOST_CLASSES,
            "live": sorted(settings.LIVE),
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
            settings.optimizer(chosen), settings.penalty(chosen)  # refused before anything is changed
            for run in self._state.runs:
                run.change(chosen)
            self._exact = self._exact and not self._state.runs[0].epochs
            self._state = self._state._replace(chosen=chosen)
            return self._frame()
        self._state = self._built(chosen)
        self._exact = True
        self._clock.clear()
        return self._whole()

    @action(name=Text(200), text=Text(LONGEST))
    def upload(self, name: str, text: str) -> Answer:
        """Take a table, given as the text of a file, which is kept in memory alone."""
        found = table.read(name, text)
        plan, axes = table.planned(found, None)
        self._table = found
        return Answer(
            {"target": plan.targets[0], "axes": axes[:2], "task": plan.task, **self._columns(found, None)}
        )

    @action(target=Text(200))
    def columns(self, target: str) -> Answer:
        """What the table's axes can be, if this column is to be predicted."""
        if self._table is None:
            raise MessageError("there is no table: drop a file on the page")
        plan, axes = table.planned(self._table, target)
        return Answer({"task": plan.task, "first": axes[:2], **self._columns(self._table, target)})

    def _columns(self, of: Table, target: str | None) -> dict[str, Any]:
        return {"columns": [*of.columns], "numbers": table.planned(of, target)[1], "table": of.name}

    def _built(self, chosen: Mapping[str, Any]) -> _State:
        samples = self._samples(chosen["data"])
        labelled = bool(samples.classes)
        held_out = plane.split(samples.y, chosen["test_share"], chosen["data"]["seed"], labelled)
        X = plane.inputs(samples.X, chosen["inputs"])
        losses = [chosen["loss"], *([chosen["compare"]] if chosen["compare"] else [])]
        classes = len(samples.classes)
        runs = tuple(Run(chosen, loss, X, samples.y, held_out, classes) for loss in losses)
        painters = tuple(pictures.Painter(run, chosen["inputs"]) for run in runs)
        own = self._table if chosen["data"]["name"] == "table" else None
        return _State(chosen, samples, held_out, runs, painters, own)

    def _samples(self, data: Mapping[str, Any]) -> plane.Samples:
        if data["name"] == "drawn":
            return plane.drawn(data["points"])
        if data["name"] == "table":
            if self._table is None:
                raise MessageError("there is no table: drop the file on the page, then open the link again")
            return table.samples(self._table, data["target"], data["axes"], data["seed"])
        return plane.samples(data["name"], data["samples"], data["noise"], data["seed"])

    # ---- learning -----------------------------------------------------------------------------------------

    @action(seconds=Number(0.0, _LONGEST_FRAME), most=Integer(1, 10_000))
    def learn(self, seconds: float, most: int) -> Answer:
        """So many epochs at most, for about so long, shared by the runs; then what they have come to."""
        runs = self._state.runs
        before = runs[0].epochs
        for run in runs:
            run.remember()
        said = runs[0].learn(seconds / len(runs), most)
        for place, run in enumerate(runs[1:], 1):  # the same epochs for all, or none
            if said is not None:
                run.back()
            elif other := run.learn(_LONGEST_CATCHING_UP, runs[0].epochs - run.epochs):
                said = f"{type(run.loss).__name__} {other}"
                for earlier in runs[:place]:
                    earlier.back()
        self._count((runs[0].epochs - before) * runs[0].batches * len(runs))
        return self._frame(said)

    def _count(self, steps: int) -> None:
        """Keep the time of so many steps, for their speed: from the last pause on."""
        now = time.perf_counter()
        if self._clock and now - self._clock[-1][0] > _PAUSE:
            self._clock.clear()
        self._clock.append((now, steps + (self._clock[-1][1] if self._clock else 0)))

    def _speed(self) -> float:
        """Steps a second, drawing included; 0 where there is nothing to tell."""
        if len(self._clock) < 2:
            return 0.0
        (first, before), (last, after) = self._clock[0], self._clock[-1]
        return (after - before) / (last - first)

    @action(epochs=Integer(0, _MOST_EPOCHS))
    def replay(self, epochs: int) -> Answer:
        """Learn up to that epoch, for half a second at most: the page asks again until it is reached."""
        for run in self._state.runs:
            if run.epochs < epochs and (said := run.learn(_SLICE, epochs - run.epochs)):
                return self._frame(said)
        return self._frame()

    @action()
    def back(self) -> Answer:
        """To what was before the last `learn`, to the last bit."""
        moved = [run.back() for run in self._state.runs]
        return self._frame(None if all(moved) else "this is as far back as it goes")

    @action()
    def begin(self) -> Answer:
        """To the initial weights."""
        for run in self._state.runs:
            run.begin()
        self._exact = True
        return self._frame()

    @action(
        run=Integer(0, 1),
        layer=Integer(0, 6),
        row=Integer(-1, 15),
        column=Integer(0, 15),
        value=Number(-1e4, 1e4),
    )
    def edit(self, run: int, layer: int, row: int, column: int, value: float) -> Answer:
        """Set one weight, or with row -1 a bias, as a user typed it."""
        runs = self._state.runs
        if run >= len(runs):
            raise MessageError(f"run must be less than {len(runs)}, not {run}")
        runs[run].remember()
        runs[run].edit(layer, row, column, value)
        self._exact = False
        return self._frame()

    # ---- answers ------------------------------------------------------------------------------------------

    @action()
    def show(self) -> Answer:
        """Everything, as after `configure`."""
        return self._whole()

    @action(run=Integer(0, 1), model=Flag())
    def export(self, run: int, model: bool) -> Answer:
        """The Python program of a run, or its model as the bytes of a safetensors file."""
        runs = self._state.runs
        chosen = dict(self._state.chosen)
        if run >= len(runs):
            raise MessageError(f"run must be less than {len(runs)}, not {run}")
        if model:
            return Answer({}, {"file": np.frombuffer(runs[run].model.to_bytes(), np.uint8)})
        if run:
            chosen["loss"] = chosen["compare"]
        name = self._state.table.name if self._state.table is not None else ""
        return Answer({"program": export.program(chosen, runs[run], name), "exact": self._exact})

    def _whole(self) -> Answer:
        """What changes only with the settings, and a frame."""
        state, frame = self._state, self._frame()
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
        if state.table is not None:
            values |= self._columns(state.table, state.chosen["data"]["target"])
        return Answer({**values, **frame.values}, {**given, **frame.arrays})

    def _frame(self, said: str | None = None) -> Answer:
        runs = self._state.runs
        arrays: dict[str, Array] = {}
        for number, painter in enumerate(self._state.painters):
            arrays.update(painter.arrays(f"{number}."))
        values = {
            "epochs": runs[0].epochs,
            "steps": sum(run.trainer.steps_done for run in runs),
            "speed": self._speed(),
            "exact": self._exact,
            "said": said,
            "runs": [{"loss": type(run.loss).__name__, **run.measures()} for run in runs],
        }
        return Answer(values, arrays)
