"""The state of a trainer by name: what it learned, and what its optimizer and its average keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ... import _checks
from ..._checks import Array
from ...backends.memory import write
from ...compile.state import checked_state
from ..learning import Learning

STEPS, EPOCHS, SINCE, UPDATES = "steps_done", "epochs_done", "optimizer.since", "average.updates"


def state_of(learning: Learning, epochs_done: int) -> dict[str, Array]:
    """Copies of all arrays, and of the numbers of steps and epochs as arrays of one integer."""

    def copies() -> dict[str, Array]:
        arrays = {name: array.copy() for name, array in _arrays(learning).items()}
        return arrays | {name: np.array(count) for name, count in _counts(learning, epochs_done).items()}

    return learning.compiled.turns.between(copies)


def load_state(learning: Learning, state: Mapping[str, Any]) -> int:
    """Set them all, or none if one does not fit; return the number of epochs.

    Raises
    ------
    ValueError, TypeError
        If a name is missing or unexpected, a shape differs, or a value cannot be.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"a state is a mapping of names to arrays, not {state!r:.80}")
    names, arrays = _counts(learning, 0), _arrays(learning)
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


def _counts(learning: Learning, epochs_done: int) -> dict[str, int]:
    average = learning.state.average
    counts = {STEPS: learning.steps_done, EPOCHS: epochs_done, SINCE: learning.state.optimizer.state_start}
    return counts if average is None else counts | {UPDATES: int(average.updates[0])}
