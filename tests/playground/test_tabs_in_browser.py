"""The page in a real browser: every tab opens, fits, and can be used."""

from __future__ import annotations

import math

import pytest
from support.browser import SCREENSHOTS

pytest.importorskip("selenium", reason="pip install selenium")

from selenium.webdriver import ActionChains, Keys

from steepest.playground.session import TABS


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1000, 800), (1400, 1000)], ids=str)
@pytest.mark.parametrize("tab", TABS)
def test_each_tab_opens_without_an_error_and_fits(opened, driver, tab, size, theme):
    driver.set_window_size(*size)
    page = opened(tab)
    if page.script("return document.documentElement.dataset.theme") != theme:
        page.click("theme")
    assert page.said() == ""
    assert page.script("return document.documentElement.scrollWidth <= window.innerWidth")
    panel = page.at(f"panel-{tab}")
    unnamed = [
        element.get_attribute("outerHTML")
        for element in panel.find_elements("css selector", "button, select, input, [tabindex='0']")
        if element.is_displayed() and not element.accessible_name
    ]
    assert not unnamed
    assert "NaN" not in panel.text and "Infinity" not in panel.text and "undefined" not in panel.text
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    driver.save_screenshot(str(SCREENSHOTS / f"{tab}-{size[0]}-{theme}.png"))
    driver.set_window_size(1400, 1000)


@pytest.mark.parametrize("tab", TABS)
def test_the_keyboard_reaches_everything(opened, driver, tab):
    page = opened(tab)
    page.script("document.activeElement.blur()")
    reachable = page.script(
        "const panel = document.getElementById('panel-' + arguments[0]);"
        "const radio = e => e.type === 'radio' && !e.checked;"
        "return [...panel.querySelectorAll('button, select, input, [tabindex]')]"
        ".filter(e => e.checkVisibility() && !e.disabled && e.tabIndex >= 0 && !radio(e)).length",
        tab,
    )
    driver.find_element("id", f"tab-{tab}").send_keys("")
    reached = set()
    for _ in range(reachable + 20):
        ActionChains(driver).send_keys(Keys.TAB).perform()
        element = driver.switch_to.active_element
        if page.script(f"return document.getElementById('panel-{tab}').contains(arguments[0])", element):
            reached.add(element.id)
    assert len(reached) >= reachable > 10  # the marked one of radio buttons stands for its group


def test_tabs_that_were_opened_stay_as_they_were(opened, driver):
    page = opened("polynomial")
    page.choose("polynomial-degree", 7)
    for tab in ["network", "linear", "optimization", "polynomial"]:
        page.click(f"tab-{tab}")
        page.until(
            lambda tab=tab: page.script(f"return document.getElementById('panel-{tab}').dataset.ready")
        )
    identifiers = page.script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(identifiers) == len(set(identifiers)) > 100
    assert "polynomial=%7B%22degree%22%3A7%7D" in driver.current_url
    assert page.value("polynomial-degree") == "7"


def test_the_linear_tab_learns_and_its_numbers_can_be_set(opened):
    page = opened("linear")
    total = "return Number(document.querySelector('.losses .chosen .sum').innerText)"
    before = page.script(total)
    page.click("linear-run")
    page.until(lambda: page.script(total) < before / 2)
    page.click("linear-run")
    page.click("linear-reset")
    page.until(lambda: page.script(total) == before)
    page.click("linear-train-digits")
    page.until(lambda: "of the test digits" in page.at("panel-linear").text)


def test_the_templates_of_the_digits_have_the_background_of_the_theme(opened):
    page = opened("linear")
    pixels = (
        "const copy = () => document.createElement('canvas').getContext('2d', {willReadFrequently: true});"
        "return [...document.querySelectorAll('.templates canvas')].map(canvas => {"
        "const context = copy(); context.drawImage(canvas, 0, 0);"
        "return [...context.getImageData(0, 0, 8, 8).data]; })"
    )
    ground = (
        "const hex = getComputedStyle(document.documentElement).getPropertyValue('--plot').trim();"
        "return [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16))"
    )
    grounds = []
    for _ in range(2):
        assert all(picture == 64 * [*page.script(ground), 255] for picture in page.script(pixels))
        grounds.append(page.script(ground))
        page.click("theme")
    assert grounds[0] != grounds[1]
    page.click("linear-train-digits")
    page.until(lambda: "of the test digits" in page.at("panel-linear").text)
    page.click("linear-train-digits")
    page.until(lambda: page.text("linear-train-digits") == "Train on the digits")
    before = page.script(pixels)
    page.click("theme")
    assert page.script(pixels) != before  # trained templates are drawn anew, too
    page.click("theme")
    assert page.script(pixels) == before


def test_the_paths_of_the_optimizers_play(opened):
    page = opened("optimization")
    page.choose("optimization-rate", 0)
    page.click("optimization-play")
    page.until(lambda: page.value("optimization-step") not in ("0", "100"))
    page.choose("optimization-surface", "softmax")
    page.until(lambda: "softmax" in page.driver.current_url)


def test_the_optimization_tab_tells_what_it_sets_and_what_leaves_the_picture(opened):
    page = opened("optimization")
    rate = "return document.getElementById('optimization-rate').getAttribute('aria-valuetext')"
    assert page.script(rate) == "0.06 (auto)"
    page.choose("optimization-rate", 40)
    assert page.script(rate) == "1"
    page.until(lambda: "Diverged: " in page.text("optimization-ends"))
    height = "return document.querySelector('.optimization > .stack > .card:last-child').offsetTop"
    top = page.script(height)
    page.choose("optimization-surface", "hinge")
    page.until(lambda: page.said() == "This surface has its own start and learning rate, 0.3.")
    assert page.script(rate) == "0.3 (auto)"
    page.until(lambda: "Diverged" not in page.text("optimization-ends"))
    assert page.script(height) == top
    page.script("document.querySelector('.optimization .surface').setAttribute('aria-busy', 'true')")
    sign = "return getComputedStyle(document.querySelector('.optimization .surface'), '::after').visibility"
    page.until(lambda: page.script(sign) == "visible")


def test_a_long_computation_is_told(opened):
    page = opened("optimization")
    page.script(
        "window.signs = [];"
        "new MutationObserver((all) => window.signs.push(...all.map((one) => one.oldValue)))"
        ".observe(document.querySelector('.optimization .surface'), "
        "{attributeFilter: ['aria-busy'], attributeOldValue: true})"
    )
    page.choose("optimization-steps", 500)
    page.until(lambda: page.script("return window.signs") == ["false", "true"])  # and no longer


@pytest.mark.parametrize("tab", ["linear", "polynomial"])
def test_added_points_find_space_and_have_the_focus(opened, driver, tab):
    page = opened(tab)
    places = (
        "return [...document.querySelectorAll('#panel-' + arguments[0] + ' .dot')]"
        ".map(e => [Number(e.getAttribute('cx')), Number(e.getAttribute('cy'))])"
    )
    before = len(page.script(places, tab))
    for added in range(1, 6):
        page.click(f"{tab}-add")
        found = page.script(places, tab)
        assert len(found) == before + added
        apart = [math.hypot(x - found[-1][0], y - found[-1][1]) for x, y in found[:-1]]
        assert min(apart) > 40  # the circle of a point is some 20 wide
        label = driver.switch_to.active_element.get_attribute("aria-label")
        assert label.startswith(f"point {before + added} ")
    page.click(f"{tab}-reset")
    page.until(lambda: len(page.script(places, tab)) == before)
    page.click(f"{tab}-add")
    page.until(lambda: len(page.script(places, tab)) == before + 1)
    assert page.script(places, tab)[-1] == found[before]  # the same place again


def test_a_point_of_the_polynomial_moves_by_keyboard(opened, driver):
    page = opened("polynomial")
    error = page.text("polynomial-training-error")
    dot = driver.find_element("css selector", "#panel-polynomial .dot")
    dot.send_keys(Keys.ARROW_UP, Keys.ARROW_UP)
    page.until(lambda: page.text("polynomial-training-error") != error)
    page.choose("polynomial-degree", 10)
    page.until(lambda: page.text("polynomial-training-error") not in (error, ""))


def test_a_polynomial_shows_numbers_of_the_points_that_are_there_or_none(opened, driver):
    page = opened("polynomial", {"points": [[10, 6], [30, 12], [60, 9]], "degree": 3})
    told = page.text("polynomial-ambiguous")
    assert told.startswith("Degree 3 with 3 points: infinitely many curves")
    assert page.text("polynomial-training-error") == "0"
    driver.find_element("css selector", "#panel-polynomial .dot").send_keys(Keys.DELETE)
    page.until(lambda: "needs at least 3" in page.said())
    errors = [page.text(f"polynomial-{name}-error") for name in ("training", "left-out")]
    assert errors == ["\u2013", "\u2013"]
    assert page.text("polynomial-coefficients") == page.text("polynomial-residuals") == ""
    assert page.text("polynomial-ambiguous") == ""
    page.choose("polynomial-degree", 1)
    page.until(lambda: page.text("polynomial-training-error") == "0")
    assert page.said() == ""


@pytest.mark.parametrize(
    ("tab", "state"),
    [
        ("linear", {"W": 3}),
        ("polynomial", {"points": 3}),
        ("polynomial", {"points": [[1, "a"], [2, 3]]}),
        ("optimization", {"start": [1]}),
        ("network", {"settings": {"layers": 3}}),
        ("network", {"settings": {"learning_rate": -1}, "epochs": 100}),
    ],
)
def test_a_link_that_is_refused_says_why_and_opens_the_usual_page(opened, tab, state):
    page = opened(tab, state)
    ((name, _),) = state.get("settings", state).items()
    assert page.said().startswith(name)
    assert tab != "network" or page.text("epoch") == "0"
    usual = opened(tab)
    assert usual.said() == ""


@pytest.mark.parametrize("name", ["constructor", "toString", "nowhere"])
def test_an_unknown_tab_is_the_first(opened, driver, name):
    page = opened("polynomial")
    page.script("location.hash = arguments[0]", name)  # which loads the page again
    page.until(lambda: driver.current_url.endswith("#network"))
    page.until(lambda: page.script("return document.getElementById('panel-network').dataset.ready"))
    assert page.text("play") == "Play"
