"""`Session`: what the server keeps for one open page, and its answer to each message."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping

from .. import _version
from ..plots.drawing import CLASS_COLORS, DIVERGING
from . import protocol
from .fields import MessageError
from .linear.tab import LinearTab
from .network.tab import NetworkTab
from .network.table import Own
from .optimization.tab import OptimizationTab
from .polynomial.tab import PolynomialTab
from .protocol import Answer, Tab, action

TABS: Mapping[str, Callable[[Own | None], Tab]] = {
    "network": NetworkTab,
    "linear": lambda own: LinearTab(),
    "optimization": lambda own: OptimizationTab(),
    "polynomial": lambda own: PolynomialTab(),
}


class _Page(Tab):
    """What the page asks for before it opens a tab."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @action()
    def hello(self) -> Answer:
        """What the tabs offer."""
        choices = {name: self._session.tab(name).choices() for name in TABS}
        palette = {"classes": CLASS_COLORS, "diverging": DIVERGING}  # those of the plots
        return Answer(
            {
                "steepest": _version.__version__,
                "longest": protocol.LONGEST,
                "palette": palette,
                "choices": choices,
            }
        )


class Session:
    """The tabs of one page, and what each of them has come to."""

    def __init__(self, own: Own | None) -> None:
        self._own = own
        self._tabs: dict[str, Tab] = {"page": _Page(self)}

    def tab(self, name: str) -> Tab:
        """The tab of that name."""
        if name not in self._tabs:
            self._tabs[name] = TABS[name](self._own)
        return self._tabs[name]

    def answer(self, message: str | bytes) -> bytes:
        """The answer to a message: what it asks for, or why that cannot be."""
        number = -1  # of what cannot be read
        try:
            number = protocol.number(given := protocol.parsed(message))
            request = protocol.request(given, ["page", *TABS])
            return protocol.encoded(number, protocol.perform(self.tab(request.tab), request))
        except MessageError as error:
            return protocol.refusal(number, str(error))
        except Exception as error:  # a fault of ours: the page says so and goes on, the terminal has the rest
            traceback.print_exc(file=sys.stderr)
            return protocol.refusal(number, f"a fault of the playground: {type(error).__name__}: {error}")
