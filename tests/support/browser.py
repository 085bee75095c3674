"""A real browser, headless: Chromium with its driver, as Debian's packages have them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MINUS = "\u2212"  # as the page writes it
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"  # for people to look at
# Without network, sandbox and graphics card; a page may ask for its garbage to be collected.
_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",
]


@contextmanager
def chromium(downloads: Path, size: str = "1400,1000") -> Iterator[Any]:
    """A driver, whose browser saves files in a folder."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for option in [*_OPTIONS, f"--window-size={size}"]:
        options.add_argument(option)
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}
    )
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """A tab of the playground in a browser."""

    def __init__(self, driver: Any, address: str, tab: str, state: str = "") -> None:
        self.driver, self.tab = driver, tab
        driver.get("about:blank")
        driver.get(f"{address}#{tab}{state}")
        self.until(lambda: self.script(f"return document.getElementById('panel-{tab}')?.dataset.ready"))

    def until(self, good: Callable[[], Any], seconds: float = 30) -> Any:
        """Wait for something to be so, as long as a busy machine may need."""
        deadline = time.monotonic() + seconds
        while not (found := good()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not so after {seconds} s; the page says {self.said()!r}")
            time.sleep(0.02)
        return found

    def script(self, code: str, *arguments: object) -> Any:
        """What JavaScript returns."""
        return self.driver.execute_script(code, *arguments)

    def at(self, identifier: str) -> Any:
        """The element with an id."""
        return self.driver.find_element("id", identifier)

    def click(self, identifier: str) -> None:
        """Press a button."""
        self.script(f"document.getElementById('{identifier}').scrollIntoView({{block: 'center'}})")
        self.at(identifier).click()

    def text(self, identifier: str) -> str:
        """What an element shows."""
        return str(self.script(f"return document.getElementById('{identifier}').innerText"))

    def value(self, identifier: str) -> str:
        """What a menu, a slider or an input holds."""
        return str(self.script(f"return document.getElementById('{identifier}').value"))

    def choose(self, identifier: str, value: object) -> None:
        """Set a menu, a slider or a number, as a user does."""
        self.script(
            "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
            "for (const name of ['input', 'change']) e.dispatchEvent(new Event(name))",
            identifier,
            value,
        )

    def said(self) -> str:
        """The line above the tabs."""
        return self.text("message")

    def errors(self) -> list[str]:
        """What the console has but for information."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] != "INFO"]


def epoch(page: Page) -> int:
    """How many epochs the network tab shows."""
    return int(page.text("epoch").replace(",", ""))


def losses(page: Page) -> list[str]:
    """The losses that it shows: training and test of each run."""
    return list(page.script("return [...document.querySelectorAll('.figures b')].map(e => e.innerText)"))


def loss(page: Page) -> float:
    """The first of them."""
    return float(losses(page)[0].replace(MINUS, "-"))


def learned(page: Page, epochs: int) -> None:
    """Play until so many epochs are done."""
    page.click("play")
    page.until(lambda: epoch(page) >= epochs, 30 + 0.2 * epochs)  # 60 a second on a quiet machine
    page.click("play")
    page.until(lambda: page.text("play") == "Play")
