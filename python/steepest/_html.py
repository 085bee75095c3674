"""Tables that notebooks show: plain HTML, every text escaped, with headings that screen readers announce."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_LONGEST = 300  # characters of a cell: descriptions may be of any length


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose rows begin with their names; without a header for two columns of names and values."""
    head = "".join(_heading(name, "col") for name in header)
    lines = [f"<table><caption>{_text(caption)}</caption>"]
    lines += [f"<thead><tr>{head}</tr></thead>"] if head else []
    lines.append("<tbody>")
    for name, *values in rows:
        cells = "".join(f"<td>{_text(value)}</td>" for value in values)
        lines.append(f"<tr>{_heading(name, 'row')}{cells}</tr>")
    return "\n".join([*lines, "</tbody></table>"])


def _heading(name: str, scope: str) -> str:
    return f'<th scope="{scope}">{_text(name)}</th>' if name else "<td></td>"


def _text(value: str) -> str:
    return escape(value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…")
