"""The network tab in a real browser: edits in a row, drags, refusals, and a server that ends."""

from __future__ import annotations

import time

import pytest
from support.browser import Page, epoch, losses
from support.playground import running

pytest.importorskip("selenium", reason="pip install selenium")

from selenium.webdriver import ActionChains, Keys


def units(page):
    """How many units each hidden layer has."""
    return page.script(
        "const found = {};"
        "for (const unit of document.querySelectorAll('.diagram .node[id^=unit-]')) {"
        "  const layer = unit.id.split('-')[1]; found[layer] = (found[layer] ?? 0) + 1; }"
        "return Object.values(found)"
    )


def test_edits_in_a_row_add_up(opened):
    page = opened("network")
    page.script(
        "for (let i = 0; i < 3; i++) document.getElementById('more-units-0').click();"
        "document.getElementById('more-layers').click();"
        "document.getElementById('input-2').click()"
    )
    page.until(lambda: units(page) == [7, 2, 4])
    assert page.script("return document.getElementById('input-2').ariaPressed") == "true"


def test_a_slider_can_be_dragged_while_answers_arrive(opened, driver):
    page = opened("network")
    slider = page.at("noise")
    page.script("document.getElementById('noise').scrollIntoView({block: 'center'})")
    width = slider.size["width"]
    drag = ActionChains(driver).move_to_element_with_offset(slider, -width // 2 + 6, 0).click_and_hold()
    for _ in range(3):
        drag.move_by_offset(width // 4, 0).pause(0.4)  # long enough for an answer
    drag.release().perform()
    assert 30 <= int(page.value("noise")) <= 45
    page.until(lambda: f"%22noise%22%3A{page.value('noise')}" in driver.current_url)


def test_all_points_can_be_cleared_and_one_drawn(opened, driver):
    page = opened("network")
    page.choose("data", "drawn")
    page.until(lambda: driver.find_elements("id", "clear"))
    page.click("clear")
    blank = (
        "const shown = document.querySelector('.plane .samples'), empty = document.createElement('canvas');"
        "empty.width = shown.width; empty.height = shown.height;"
        "return shown.toDataURL() === empty.toDataURL()"
    )
    page.until(lambda: page.script(blank))
    page.click("play")
    assert "Draw a point" in page.said() and page.text("play") == "Play"
    plane = driver.find_element("css selector", ".plane .samples")
    ActionChains(driver).move_to_element_with_offset(plane, -60, 40).click().perform()
    page.until(lambda: not page.script(blank))
    page.click("step")
    page.until(lambda: epoch(page) == 1)


def test_a_refused_weight_gives_its_box_the_old_one_back(opened):
    page = opened("network")
    page.click("unit-0-0")
    before, numbers = page.value("weight-0"), losses(page)
    box = page.at("weight-0")
    box.clear()
    box.send_keys("1e9", Keys.ENTER)
    page.until(lambda: "weight must be a number from -10000 to 10000" in page.said())
    page.until(lambda: page.value("weight-0") == before)
    assert losses(page) == numbers


def test_options_of_a_layer_stay_while_they_are_set(opened):
    page = opened("network")
    page.click("options-0")
    page.choose("layer-kind", "Maxout")
    page.until(lambda: page.script("return document.getElementById('layer-activation').disabled"))
    page.choose("layer-kind", "Linear")
    page.until(lambda: not page.script("return document.getElementById('layer-activation').disabled"))


@pytest.mark.parametrize("button", ["fewer-layers", "fewer-units-1"])
def test_a_unit_may_go_while_the_pointer_is_over_it(opened, driver, button):
    page = opened("network")
    ActionChains(driver).move_to_element(page.at("unit-1-1")).perform()
    page.script(f"document.getElementById('{button}').click()")
    page.until(lambda: units(page) == ([4] if button == "fewer-layers" else [4, 1]))
    page.click("step")
    page.until(lambda: epoch(page) == 1)
    assert page.said() == ""


def test_a_number_out_of_range_is_not_kept(opened):
    page = opened("network")
    page.choose("data-seed", -1)
    assert page.value("data-seed") == "0"
    page.choose("data-seed", 7)
    page.until(lambda: page.value("data-seed") == "7")


def test_a_file_of_another_encoding_is_refused(opened):
    page = opened("network")
    page.script(
        "const data = new DataTransfer(), bytes = Uint8Array.from([49, 44, 50, 44, 0xe9, 10]);"
        "data.items.add(new File([bytes], 't.csv'));"
        "document.getElementById('panel-network').dispatchEvent(new DragEvent('drop', {dataTransfer: data}))"
    )
    page.until(lambda: "t.csv is not UTF-8 text" in page.said())


def test_what_is_too_long_to_be_sent_is_refused_and_the_page_goes_on(opened):
    page = opened("network")
    drop = (
        "const data = new DataTransfer(), text = arguments[0].repeat(arguments[1]);"
        "data.items.add(new File([text], 't.csv'));"
        "document.getElementById('panel-network').dispatchEvent(new DragEvent('drop', {dataTransfer: data}))"
    )
    page.script(drop, "1,2,a\n", 1_600_000)  # 9.6 MB
    page.until(lambda: "t.csv has 10 MiB, but 8 are the most" in page.said())
    page.script(drop, '"1"\n', 2_000_000)  # 8.0 MB, but 14 MB as JSON
    page.until(lambda: "would have to be sent, but 8.0 MiB are the most" in page.said())
    page.click("step")
    page.until(lambda: epoch(page) == 1)


def test_another_tab_can_be_shown_while_a_link_replays(opened):
    page = opened("network", {"epochs": 1_000_000})
    page.until(lambda: "Learning up to epoch 1,000,000" in page.said())
    page.click("tab-polynomial")
    page.until(lambda: page.script("return document.getElementById('panel-polynomial').dataset.ready"))
    before = epoch(page)
    page.until(lambda: epoch(page) > before)
    assert "Learning up to" not in page.said()


def test_a_server_that_ended_is_told_also_by_what_is_asked_later(driver):
    with running() as server:
        page = Page(driver, server.address, "network")
    page.until(lambda: "The server is gone" in page.said())
    page.script("document.getElementById('message').textContent = ''")
    page.click("play")
    page.until(lambda: "The server is gone" in page.said())
    page.until(lambda: page.text("play") == "Play")
    page.errors()  # of the socket


def test_one_page_too_many_says_so(driver, served, connect):
    pages = [connect() for _ in range(16)]
    time.sleep(0.2)
    driver.get("about:blank")
    driver.get(f"{served.address}#network")
    said = "return document.getElementById('message').innerText"
    deadline = time.monotonic() + 20
    while "16 pages are open" not in driver.execute_script(said):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(pages) == 16
    driver.get_log("browser")
