"""``steepest info``: what a saved model is, or what this installation is made of."""

from __future__ import annotations

import json
import platform
import textwrap
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import _config
from .._checks import printable
from ..ensemble import Ensemble
from ..model import Sequential
from ..storage.json_text import parsed_json
from ..tables import TableEnsemble, TableModel
from . import sources, text
from .network import sizes
from .saving import REPORT

_WIDTH = 80
_OF_DATA = {"data": "file", "rows": "rows"}  # facts, by their names in the report
_MOST = 20  # columns or labels that are shown


def info(options: Namespace) -> None:
    """Print it."""
    facts = _installation() if options.model is None else _of_model(options.model)
    if options.json:
        document = json.dumps(facts, ensure_ascii=False, default=str)
        print(document if document.isprintable() else json.dumps(facts, default=str))
        return
    width = max(map(len, facts))
    for key, value in facts.items():
        print(f"{key.replace('_', ' ') + ':':<{width + 1}} {_shown(value, width + 2)}")


def _installation() -> dict[str, Any]:
    facts = {"python": platform.python_version(), "numpy": np.__version__, "platform": platform.platform()}
    return facts | _config.build_info()


def _of_model(path: Path) -> dict[str, Any]:
    model = sources.model(path)
    if isinstance(model, Sequential):
        return {"model": str(path), "saved": "in Python", "layers": model.summary().splitlines()}
    if isinstance(model, Ensemble):
        networks = [sizes(one) for one in model.models]
        return {"model": str(path), "saved": "in Python", "networks": len(networks), "sizes": networks}
    report = _report(model)
    facts: dict[str, Any] = {"model": str(path), "task": model.task}
    if model.target_names:
        facts["target"] = model.target_names
    columns: Sequence[Any] = (
        model.encodings if isinstance(model, TableEnsemble) else model.preparation.columns
    )
    facts["columns"] = [f"{column.name} ({column.kind})" for column in columns]
    if model.classes is not None:
        facts["labels"] = model.classes
    if isinstance(model, TableEnsemble):
        facts |= {"networks": len(model.members), "sizes": sizes(model.members[0])}
    else:
        facts |= {"loss": model.preparation.loss, "layers": model.model.summary().splitlines()}
    if report:
        facts["trained_with"] = f"steepest {report.get('steepest')}"
        data = report.get("data")
        facts |= {key: data.get(name) for key, name in _OF_DATA.items()} if isinstance(data, dict) else {}
        facts["score"] = f"{report.get('judged')}: {_score(report)}"
    return facts


def _report(model: TableModel | TableEnsemble) -> dict[str, Any]:
    """What `train` said of it; nothing if that is damaged."""
    try:
        found = parsed_json(model.metadata.get(REPORT, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _score(report: dict[str, Any]) -> str:
    try:
        return text.score(report["score"])
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return "unknown"


def _shown(value: object, indent: int) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        lines = [printable(str(one)) for one in value]
        if len(lines) > _MOST and "  " not in lines[0]:
            lines = [*lines[:_MOST], f"and {len(lines) - _MOST} more (--json has all)"]
        multiline = any(len(line) > 40 or "  " in line for line in lines)
        if multiline:
            return ("\n" + " " * indent).join(lines)
        text = textwrap.fill(
            ", ".join(lines), _WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent
        )
        return text.strip() or "none"
    return "none" if value is None else printable(str(value))
