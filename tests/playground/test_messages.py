"""Random messages by the rules of the protocol: answered or refused, never a fault, never a NaN."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from support.messages import value
from support.playground import decoded

from steepest.playground.session import TABS, Session


def finite(found):
    if isinstance(found, dict):
        return all(map(finite, found.values()))
    if isinstance(found, list):
        return all(map(finite, found))
    return not isinstance(found, float) or math.isfinite(found)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_random_messages_are_answered_or_refused_and_what_is_refused_changes_nothing(seed, capsys):
    draw, session = random.Random(seed), Session(None)
    usual = session.tab("network").choices()["settings"]

    def ask(tab, action, given):
        message = {"version": 1, "id": 1, "tab": tab, "do": action, "with": given}
        answer = decoded(session.answer(json.dumps(message)))
        assert "fault of the playground" not in answer.get("error", ""), (message, capsys.readouterr().err)
        assert finite(answer.get("values")), message
        assert all(np.isfinite(array).all() for array in answer["arrays"].values()), message
        return answer

    def state():
        answer = ask("network", "show", {})
        return answer["values"], {name: array.tobytes() for name, array in answer["arrays"].items()}

    good = 0
    for _ in range(400):
        tab = draw.choice(["network", "network", "network", *TABS])
        actions = session.tab(tab).actions
        often = ["configure", "configure", "learn", "learn", "learn"] if tab == "network" else []
        action = draw.choice([*actions, *often])
        given = value(actions[action].rules, draw)
        if action == "configure" and isinstance(given, dict):
            given = usual | {name: given[name] for name in given if draw.random() < 0.4}
        if action == "replay":
            given = {"epochs": draw.randint(0, 100)}
        before = state() if tab == "network" and draw.random() < 0.1 else None
        answer = ask(tab, action, given)
        good += "values" in answer
        if before and "error" in answer:
            assert state() == before, (action, given)
    assert good > 150
