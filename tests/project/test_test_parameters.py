"""A test that asks for an implementation computes on it, or it would test the default twice."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]
CHOICES = {"backend", "implementation", "native", "isa"}


def test_what_a_test_asks_for_it_uses():
    unused = []
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                asked = {argument.arg for argument in node.args.args} & CHOICES
                names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
                unused += [f"{path.name}: {node.name} ({name})" for name in asked - names]
    assert not unused
