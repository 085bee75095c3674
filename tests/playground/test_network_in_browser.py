"""The network tab in a real browser: what users do, and what they see."""

from __future__ import annotations

import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from support.browser import MINUS, SCREENSHOTS, Page, epoch, learned, loss, losses

pytest.importorskip("selenium", reason="pip install selenium")

from selenium.webdriver import ActionChains, Keys


def test_play_makes_the_loss_fall_and_full_speed_is_faster(opened):
    page = opened("network")
    before = loss(page)
    learned(page, 100)
    assert loss(page) < before / 2
    page.choose("pace", 10000)
    now = epoch(page)
    learned(page, now + 300)
    assert int(page.text("speed").replace(",", "")) > 1000
    page.driver.save_screenshot(str(SCREENSHOTS / "network-learned.png"))


def test_nothing_moves_while_it_learns(opened):
    page = opened("network", {"settings": {"compare": {"name": "MulticlassHinge"}}})
    page.script(
        "window.moved = [];"
        "const note = list => moved.push(...list.getEntries().map(e => e.value));"
        "new PerformanceObserver(note).observe({type: 'layout-shift'})"
    )
    for pace in (1, 100, 10000):
        page.choose("pace", pace)
        learned(page, epoch(page) + 50)
    assert page.script("return moved") == []


def test_back_restores_what_was_and_reset_the_beginning(opened):
    page = opened("network")
    first = losses(page)
    page.click("step")
    page.until(lambda: epoch(page) == 1)
    one = losses(page)
    page.click("step")
    page.until(lambda: epoch(page) == 2)
    page.click("back")
    page.until(lambda: epoch(page) == 1)
    assert losses(page) == one != first
    page.click("reset")
    page.until(lambda: epoch(page) == 0)
    assert losses(page) == first


def test_a_link_reopens_the_same_numbers(opened, driver):
    state = {
        "settings": {"data": {"name": "spiral"}, "layers": [{"units": 6}], "optimizer": {"name": "Adam"}}
    }
    page = opened("network", state)
    learned(page, 30)
    page.until(lambda: f"%22epochs%22%3A{epoch(page)}" in driver.current_url)
    before, epochs, address = losses(page), epoch(page), driver.current_url
    assert len(address) < 400
    driver.get("about:blank")
    driver.get(address)  # the token is remembered by the browser
    page.until(lambda: page.script("return document.getElementById('panel-network')?.dataset.ready"))
    page.until(lambda: epoch(page) == epochs)  # it learns up to there
    assert losses(page) == before
    assert page.value("data") == "spiral"


@pytest.mark.parametrize("change", [{"learning_rate": 0.3}, {"batch_size": 50}, {"strength": 0.1}], ids=str)
def test_a_link_that_changes_what_may_change_while_it_learns_opens_whole(opened, change):
    page = opened("network", {"settings": change})
    page.click("step")
    page.until(lambda: epoch(page) == 1)
    drawn = (
        "return [...document.querySelectorAll('.diagram .node canvas')]"
        ".every(c => c.getContext('2d').getImageData(16, 16, 1, 1).data[3] === 255)"
    )
    assert page.script(drawn)
    page.driver.set_window_size(1200, 900)
    page.until(lambda: page.script("return document.querySelector('.diagram canvas.lines').width") > 0)
    page.until(lambda: page.script(drawn))
    page.driver.set_window_size(1400, 1000)


def test_a_weight_is_read_and_set(opened):
    page = opened("network")
    page.click("unit-0-1")
    before = losses(page)
    weight = page.at("weight-0")
    weight.clear()
    weight.send_keys("-2.5", Keys.TAB)
    page.until(lambda: losses(page) != before)
    assert float(page.value("weight-0")) == -2.5
    page.click("back")
    page.until(lambda: losses(page) == before)


def test_points_are_drawn_and_removed(opened, driver):
    page = opened("network")
    page.choose("data", "drawn")
    page.until(lambda: driver.find_elements("id", "pen-2"))
    page.click("pen-2")
    press(driver)
    page.until(lambda: "%2C2%5D%5D" in driver.current_url)  # ...,2]]
    assert len(driver.find_elements("css selector", ".node.output")) == 3
    press(driver, Keys.SHIFT)
    page.until(lambda: len(driver.find_elements("css selector", ".node.output")) == 2)


def press(driver, *keys):
    """Press on a place of the plane that has no point yet, with keys held down."""
    plane = driver.find_element("css selector", ".plane .samples")
    chain = ActionChains(driver)
    for key in keys:
        chain.key_down(key)
    chain.move_to_element_with_offset(plane, -60, 40).click()
    for key in keys:
        chain.key_up(key)
    chain.perform()


def test_a_file_is_dropped(opened, driver):
    page = opened("network")
    rows = [f"{i % 7}.5,{i * i % 11}.0,{i % 5}.5,{'ab'[i % 2]}" for i in range(60)]
    page.script(
        "const data = new DataTransfer(); data.items.add(new File([arguments[0]], 'flowers.csv'));"
        "const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true});"
        "document.getElementById('panel-network').dispatchEvent(drop)",
        "\n".join(["long,wide,tall,kind", *rows]),
    )
    page.until(lambda: driver.find_elements("id", "axis-1"))
    assert page.value("target") == "kind"
    page.choose("axis-1", "tall")
    page.until(lambda: "tall up" in page.at("panel-network").text)
    page.choose("target", "long")
    page.until(lambda: page.value("loss") == "SquaredError")
    learned(page, 20)


def test_the_exported_program_prints_the_same_loss(opened, downloads):
    page = opened(
        "network", {"settings": {"compare": {"name": "MulticlassHinge"}, "penalty": {"name": "L2"}}}
    )
    learned(page, 20)
    page.click("export")
    program = downloads / "playground.py"
    page.until(program.exists)
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    printed = [float(line.split()[-1]) for line in done.stdout.splitlines()]
    shown = [float(text.replace(MINUS, "-")) for text in losses(page)[:2]]
    assert printed == pytest.approx(shown, rel=5e-3)  # of the digits that the page shows
    page.click("export-model")
    page.until((downloads / "model.safetensors").exists)


def test_a_divergence_is_told_and_leaves_no_nan(opened):
    settings = {
        "data": {"name": "plane"},
        "loss": {"name": "SquaredError"},
        "layers": [],
        "learning_rate": 10,
    }
    page = opened("network", {"settings": settings})
    before = losses(page)
    page.click("play")
    page.until(lambda: "diverged at the learning rate 10" in page.said())
    assert page.text("play") == "Play" and losses(page) == before
    assert "NaN" not in page.at("panel-network").text


@pytest.mark.parametrize(
    "state",
    ["=%7Bbroken", "=" + quote('{"settings": {"learning_rate": -1}}'), "=" + quote('{"settings": {"x": 1}}')],
)
def test_a_damaged_link_says_so_and_the_page_works(driver, server, state):
    page = Page(driver, server.address, "network", state)
    assert page.said() != ""
    page.click("step")
    page.until(lambda: epoch(page) == 1)


def settled(page):
    """How many elements the page has, and the bytes of its heap."""
    page.script("gc()")
    time.sleep(0.5)  # a first collection leaves up to 3 MB of the last answers, a later one nothing
    return page.script(
        "gc(); return [document.querySelectorAll('*').length, performance.memory.usedJSHeapSize]"
    )


@pytest.mark.slow
def test_a_thousand_frames_leak_nothing(opened):
    page = opened("network")
    learned(page, 100)
    nodes, before = settled(page)
    learned(page, 1100)
    more, after = settled(page)
    assert more <= nodes + 60  # ticks of the curve's axes
    assert after < before + 1_000_000  # bytes: one answer that stays has 25,000; the curve has 500 points
