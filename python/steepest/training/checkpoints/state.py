"""The state of a trainer by name: what it learned, and what its optimizer and its average keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ... import _checks
from ..._checks import Array
from ...backends.data import TrainState
from ...backends.memory import write
from ...compile.compiled import Compiled
from ...compile.state import checked_state
from ..learning import Learning
from ..rise import Copies

STEPS, EPOCHS, SINCE, UPDATES = "steps_done", "epochs_done", "optimizer.since", "average.updates"


def state_of(learning: Learning, epochs_done: int) -> dict[str, Array]:
    """Copies of all arrays, and of the numbers of steps and epochs as arrays of one integer."""
    return learning.compiled.turns.between(
        lambda: state_then(learning.compiled, learning.state, learning.copies(), epochs_done)
    )


def state_then(compiled: Compiled, state: TrainState, copies: Copies, epochs_done: int) -> dict[str, Array]:
    """The same of the moment in which that was the state of training and those the copies of `Learning`."""
    steps, *rest = (copy for _, copy in copies)
    running, rest = rest[: len(compiled.running)], rest[len(compiled.running) :]
    learned = [key for key, _ in compiled.named(compiled.parameters)]
    own = [] if compiled.inputs is None else [compiled.inputs.statistics.copy()]  # which no step changes
    rows = [row for rows in [*own, *running] for row in rows]
    model, rest = [*rest[: len(learned)], *rows], rest[len(learned) :]
    named = {f"model.{key}": array for (key, _), array in zip(compiled.state(), model, strict=True)}
    kept = [f"optimizer.{slot}" for slot in state.optimizer.slots]
    kept += [] if state.average is None else ["average"]
    named |= zip([f"{kind}.{key}" for kind in kept for key in learned], rest, strict=False)
    counts = {STEPS: steps[0], EPOCHS: epochs_done, SINCE: state.optimizer.state_start}
    counts |= {} if state.average is None else {UPDATES: rest[-1][0]}
    return named | {name: np.array(int(count)) for name, count in counts.items()}


def load_state(learning: Learning, state: Mapping[str, Any]) -> int:
    """Set them all, or none if one does not fit; return the number of epochs.

    Raises
    ------
    ValueError, TypeError
        If a name is missing or unexpected, a shape differs, or a value cannot be.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"a state is a mapping of names to arrays, not {state!r:.80}")
    names, arrays = [STEPS, EPOCHS, SINCE], _arrays(learning)
    names += [] if learning.state.average is None else [UPDATES]
    if missing := [name for name in names if name not in state]:
        raise ValueError(f"the state lacks {', '.join(missing)}")
    counts = {name: _checks.integer(_plain(state[name]), name, minimum=0) for name in names}
    if counts[SINCE] > counts[STEPS]:
        raise ValueError(f"{SINCE} is {counts[SINCE]}, but must be at most {STEPS}, {counts[STEPS]}")
    shapes = {name: array.shape for name, array in arrays.items()}
    rest = {name: value for name, value in state.items() if name not in names}
    new = checked_state(rest, shapes, learning.compiled.dtype)
    own, average = learning.state.optimizer, learning.state.average
    changes = [(arrays[name], new[name]) for name in arrays]
    changes.append((own.steps, np.array([counts[STEPS]])))
    if average is not None:
        changes.append((average.updates, np.array([counts[UPDATES]])))
    learning.compiled.turns.between(lambda: write(changes), sets=True)
    learning.state = replace(learning.state, optimizer=replace(own, state_start=counts[SINCE]))
    return counts[EPOCHS]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) and not value.shape else value


def _arrays(learning: Learning) -> dict[str, Array]:
    compiled, state = learning.compiled, learning.state
    named = {f"model.{key}": array for key, array in compiled.state()}
    for slot, kept in state.optimizer.slots.items():
        named |= {f"optimizer.{slot}.{key}": array for key, array in compiled.named(kept)}
    if state.average is not None:
        named |= {f"average.{key}": array for key, array in compiled.named(state.average.values)}
    return named
