"""Random messages for the playground, by the rules of its actions: most are good, some break a rule."""

from __future__ import annotations

import random
from typing import Any

from steepest.playground import fields
from steepest.playground.network import parts

_ODD = (None, -1, 1e300, "x", [], {}, True, 1.5, [[]])
_TEXTS = (
    "",
    "kind",
    "a,b,k\n1,2,x\n3,4,y\n5,6,x\n1,3,y",
    "a;b;c\n1,5;2;x\n2,5;3;y\n1;1;x\n3;4;y",
    "a,a,b\n1,2,3\n2,3,4\n4,5,6\n7,8,1",
    '"a\nb",c,d\n1,2,x\n3,4,y\n5,6,x\n8,9,y',
    "x,y,t\n1e308,1,2\n-1e308,2,3\n1,1,4\n2,2,5",
)
_SETTINGS = (0, 1, True, False, 0.5, 2, -1, 1e9, 1e-9, "step", "epoch", None, 0.9)
_KINDS = (parts.ACTIVATIONS, parts.LOSSES, parts.OPTIMIZERS, parts.PENALTIES, parts.SCHEDULES)


def value(rule: Any, draw: random.Random, odd: float = 0.01) -> Any:
    """A value for a rule of `steepest.playground.fields`; one of another kind with the probability `odd`."""
    if draw.random() < odd:
        return draw.choice(_ODD)
    match rule:
        case fields.Integer():
            return draw.choice(
                [rule.least, rule.most, draw.randint(rule.least, min(rule.most, rule.least + 20))]
            )
        case fields.Number():
            typical = max(rule.least, min(rule.most, 10 ** draw.uniform(-4, 1)))
            return draw.choice([rule.least, rule.most, draw.uniform(rule.least, rule.most), typical])
        case fields.Flag():
            return draw.random() < 0.5
        case fields.Choice():
            return draw.choice(list(rule.words))
        case fields.Text():
            return draw.choice(_TEXTS)
        case fields.ListOf():
            count = draw.choice([rule.least, draw.randint(rule.least, min(rule.most, rule.least + 20))])
            return [value(rule.field, draw, odd) for _ in range(count)]
        case fields.Row():
            return [value(field, draw, odd) for field in rule.fields]
        case fields.Optional():
            return None if draw.random() < 0.5 else value(rule.field, draw, odd)
        case fields.Record() if "settings" in rule.fields:
            return _part(rule, draw)
        case fields.Record():
            given = {name: value(field, draw, odd) for name, field in rule.fields.items()}
            return {
                name: given[name]
                for name in given
                if name not in (rule.defaults or ()) or draw.random() < 0.6
            }
    raise TypeError(rule)


def _part(rule: fields.Record, draw: random.Random) -> dict[str, Any]:
    """A kind of optimizer, loss and so on, with some of its settings."""
    words = rule.fields["name"].words
    kinds = next(kinds for kinds in _KINDS if list(kinds) == list(words))
    name = draw.choice(list(words))
    settings = next(described for described in parts.described(kinds) if described["name"] == name)[
        "settings"
    ]
    chosen = [setting for setting in settings if draw.random() < 0.4]
    return {
        "name": name,
        "settings": {one["name"]: draw.choice([*_SETTINGS, one["value"]]) for one in chosen},
    }
