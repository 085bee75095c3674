"""Numbers and comments as C99 reads them."""

from __future__ import annotations

from collections.abc import Sequence

_ON_A_LINE = 8  # numbers: C99 promises lines of 4095 characters, and people read shorter ones


def literal(value: float) -> str:
    """Of double, in hexadecimal: exact, and short, without the zeros at the end of the mantissa."""
    mantissa, exponent = value.hex().split("p")
    return f"{mantissa.rstrip('0').rstrip('.')}p{exponent}"


def lines(texts: Sequence[str]) -> str:
    """Several to a line, with commas between them."""
    parts = (texts[i : i + _ON_A_LINE] for i in range(0, len(texts), _ON_A_LINE))
    return ",\n ".join(", ".join(part) for part in parts)


def commented(text: str) -> str:
    """A text that neither ends a comment nor begins one, on one line of ASCII."""
    plain = " ".join(text.encode("ascii", "backslashreplace").decode().split())
    return plain.replace("*/", "* /").replace("/*", "/ *")
