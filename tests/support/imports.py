"""What imports what, from the code's own text: Python's imports wherever they stand, and C++'s includes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

SOURCES = (".py", ".pyi")
Graph = Mapping[str, Set[str]]


def python_graph(root: Path) -> dict[str, set[str]]:
    """The modules under `root`, and which of them each imports.

    Imports count in functions too, and those for type checkers alone, and `import_module` of a constant.
    A package counts as imported by those that take something from its own `__init__.py`. What a stub
    describes is compiled, and imports nothing.
    """
    files = {_module(path.relative_to(root)): path for path in root.rglob("*.py*") if path.suffix in SOURCES}
    return {name: set(_imports(name, path, files.keys())) - {name} for name, path in files.items()}


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, path: Path, known: Set[str]) -> Iterator[str]:
    if path.suffix == ".pyi":
        return
    package = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield from [full for full in (f"{base}.{alias.name}", base) if full in known][:1]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (
                arg.value for arg in node.args if isinstance(arg, ast.Constant) and arg.value in known
            )


def include_graph(root: Path) -> dict[str, set[str]]:
    """The C++ files under `root`, and which of them each includes."""
    files = {str(path.relative_to(root)): path for path in [*root.rglob("*.hpp"), *root.rglob("*.cpp")]}
    graph = {}
    for name, path in files.items():
        included = re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text("utf-8"), re.MULTILINE)
        beside = {file: str((path.parent / file).relative_to(root)) for file in included}
        graph[name] = {file if file in files else beside[file] for file in included} & files.keys()
    return graph


def circles(graph: Graph) -> list[set[str]]:
    """Sets of nodes each of which reaches all others of its set."""
    reached = {node: _reach(graph, node) for node in graph}
    found: list[set[str]] = []
    for node in sorted(graph):
        if node in reached[node] and not any(node in circle for circle in found):
            found.append({other for other in reached[node] if node in reached[other]})
    return found


def _reach(graph: Graph, start: str) -> set[str]:
    """What can be come to from a node, itself only by a circle."""
    reached: set[str] = set()
    todo = list(graph[start])
    while todo:
        if (node := todo.pop()) not in reached:
            reached.add(node)
            todo += graph[node]
    return reached


def upward(graph: Graph, layers: list[list[str]], separator: str) -> list[str]:
    """Each import of something that stands in a higher layer; `layers` has prefixes of names, lowest first.

    The longest prefix tells the layer of a name.
    """
    ranks = {prefix: rank for rank, prefixes in enumerate(layers) for prefix in prefixes}

    def rank(name: str) -> int:
        fits = [p for p in ranks if name == p or name.startswith(f"{p}{separator}")]
        if not fits:
            raise ValueError(f"no layer is given for {name}")
        return ranks[max(fits, key=len)]

    pairs = [(name, other) for name, others in sorted(graph.items()) for other in sorted(others)]
    return [f"{name} -> {other}" for name, other in pairs if rank(other) > rank(name)]
