"""Files are of one subject and functions of one thought: their sizes, without documentation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_OF_A_FILE, MOST_OF_A_FUNCTION, MOST_OF_A_FOLDER = 250, 60, 24
FOLDERS = ("python", "tests", "bench", "examples", "cpp")


def files(*kinds: str) -> list[Path]:
    found = (path for folder in FOLDERS for kind in kinds for path in (ROOT / folder).rglob(f"*.{kind}"))
    return sorted(path for path in found if "build" not in path.parts)


def code_lines(source: str) -> set[int]:
    """The numbers of a Python file's lines that are neither empty, nor comments, nor docstrings."""
    documented = set()
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                documented |= set(range(value.lineno, (value.end_lineno or value.lineno) + 1))
    lines = enumerate(source.splitlines(), 1)
    return {
        number for number, line in lines if line.strip() and not line.strip().startswith("#")
    } - documented


def large_functions(source: str) -> Iterator[tuple[str, int]]:
    code = code_lines(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = len(code & set(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
            if size >= MOST_OF_A_FUNCTION:
                yield node.name, size


@pytest.mark.parametrize("path", files("py"), ids=lambda path: str(path.relative_to(ROOT)))
def test_python_files_and_functions_are_small(path):
    source = path.read_text(encoding="utf-8")
    assert len(code_lines(source)) <= MOST_OF_A_FILE
    assert not dict(large_functions(source))


@pytest.mark.parametrize(
    "path", files("cpp", "hpp", "js", "css"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_files_of_the_core_and_the_page_are_small(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert sum(not re.match(r"\s*(//|$)", line) for line in lines) <= MOST_OF_A_FILE


def test_folders_are_not_crowded():
    counts: dict[Path, int] = {}
    for path in files("py", "cpp", "hpp", "js"):
        counts[path.parent] = counts.get(path.parent, 0) + 1
    assert not {str(folder): number for folder, number in counts.items() if number > MOST_OF_A_FOLDER}


def test_what_is_large_is_found():
    body = "\n".join(f"    x = {i}" for i in range(MOST_OF_A_FUNCTION))
    assert dict(large_functions(f'def f():\n    """Text."""\n{body}\n')) == {"f": MOST_OF_A_FUNCTION + 1}
    assert code_lines('"""Text.\n\nMore."""\n# why\n\nx = 1\n') == {6}
