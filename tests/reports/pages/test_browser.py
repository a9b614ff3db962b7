"""The pages in a real browser: no console error, no request, every figure drawn, none cut off."""

import base64
import io
import re

import pytest
from helpers.synthetic_probes import REACH, probed
from helpers.synthetic_runs import BASELINE, FIX, write_arms
from pypdf import PdfReader
from selenium.webdriver.common.by import By

from goalscope.reports import write_comparison, write_probe_page, write_report


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    folders = write_arms(root, 2, {"pixel-her": BASELINE, "pixel-her-norm": FIX})
    return {
        "report": write_report(folders[0]).page,
        "comparison": write_comparison(folders, root / "page").page,
        "probes": write_probe_page(probed(root / "probed", kind=REACH)),
    }


@pytest.mark.parametrize(("name", "figures"), [("report", 9), ("comparison", 8), ("probes", 6)])
def test_a_page_opens_without_an_error_and_with_all_figures(browser, pages, name, figures):
    browser.get_log("performance")
    browser.get(pages[name].as_uri())
    assert [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"] == []
    requests = [
        entry["message"]
        for entry in browser.get_log("performance")
        if "Network.requestWillBeSent" in entry["message"] and "http" in entry["message"]
    ]
    assert not any('"url":"http' in message for message in requests)
    opened = "document.querySelectorAll('details').forEach(each => each.open = true)"
    browser.execute_script(opened)
    drawn = browser.find_elements(By.CSS_SELECTOR, "figure .drawn svg")
    assert len(drawn) == figures
    for svg in drawn:
        assert svg.size["width"] > 600
        assert svg.size["height"] > 150
        assert svg.find_elements(By.CSS_SELECTOR, "path")
        assert svg.get_attribute("aria-label")
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= 1280


def test_the_first_screen_of_a_report_answers_in_words(browser, pages):
    browser.get(pages["report"].as_uri())
    answers = browser.find_elements(By.CSS_SELECTOR, ".time p")
    assert len(answers) == 4
    reached = [answer.text for answer in answers if "late begins" not in answer.text]
    assert len(reached) == 3  # so short a run has no middle
    assert all("goal" in text and "%" in text for text in reached)
    last = answers[-1]
    assert last.location["y"] + last.size["height"] < 900


def test_the_first_screen_of_a_comparison_is_answer_picture_and_next_step(browser, pages):
    browser.get(pages["comparison"].as_uri())
    for part in (".overall", ".first figure#answer svg", ".first .next"):
        found = browser.find_element(By.CSS_SELECTOR, part)
        assert found.location["y"] + found.size["height"] < 900
    table = browser.find_element(By.CSS_SELECTOR, ".verdict")
    assert len(table.find_elements(By.CSS_SELECTOR, "tr")) == 1 + 5 * 2 + 1 + 2  # C1 to C7
    assert len(table.find_elements(By.CSS_SELECTOR, ".badge")) == 12 * 4 + 1  # C6 late only


def test_a_link_to_an_outcome_opens_it(browser, pages):
    browser.get(pages["comparison"].as_uri())
    details = browser.find_element(By.XPATH, "//details[.//*[@id='C1-critic']]")
    assert details.get_attribute("open") is None
    browser.find_element(By.CSS_SELECTOR, ".verdict a[href='#C1-critic']").click()
    assert details.get_attribute("open") is not None


@pytest.mark.parametrize("name", ["report", "comparison", "probes"])
def test_a_phone_shows_the_page_without_scrolling_sideways(browser, pages, name):
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        browser.get(pages[name].as_uri())
        browser.execute_script(
            "document.querySelectorAll('details').forEach(each => each.open = true)"
        )
        width = "return document.documentElement.scrollWidth"
        assert browser.execute_script(width) <= 390
        svgs = browser.find_elements(By.CSS_SELECTOR, "figure svg")
        widths = [svg.size["width"] for svg in svgs if svg.is_displayed()]
        if name == "comparison":
            assert widths.pop(0) <= 390  # of the picture that answers, drawn for it
        assert min(widths) >= 600  # legible, in a box of its own that scrolls
        unseen = browser.execute_script("""
            const hint = each => getComputedStyle(each, '::before').content;
            const wide = each => [...each.querySelectorAll('table')].concat(each)
                .some(part => part.scrollWidth > part.clientWidth + 1);
            return [...document.querySelectorAll('table')].filter(each => {
                const box = each.closest('.scroll') || each.parentElement;
                return wide(box) && !hint(box).includes('swipe');
            }).map(each => each.innerText);""")
        assert unseen == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_no_outcome_is_red(browser, pages):
    browser.get(pages["comparison"].as_uri())
    for badge in browser.find_elements(By.CSS_SELECTOR, ".badge"):
        for kind in ("color", "background-color", "border-color"):
            red, _, blue = map(int, re.findall(r"\d+", badge.value_of_css_property(kind))[:3])
            assert red <= blue + 5


@pytest.mark.parametrize(("name", "most"), [("report", 3), ("comparison", 14)])
def test_folded_details_stay_folded_in_print(browser, pages, name, most):
    browser.get(pages[name].as_uri())
    pdf = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert len(PdfReader(io.BytesIO(base64.b64decode(pdf["data"]))).pages) <= most


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("report", {"Details"}),
        ("comparison", {"Each outcome, its figure and its numbers", "Figures", "Details"}),
    ],
)
def test_what_has_nothing_under_it_is_not_printed(browser, pages, name, folded):
    browser.get(pages[name].as_uri())
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        headings = browser.find_elements(By.CSS_SELECTOR, "h2")
        shown = {each.text for each in headings if each.is_displayed()}
        assert len(headings) == len(shown) + len(folded)
        assert not shown & folded
        assert "opens below" not in browser.find_element(By.TAG_NAME, "body").text
        browser.execute_script("document.querySelectorAll('details').forEach(e => e.open = true)")
        assert all(each.is_displayed() for each in headings)
        for heading in browser.find_elements(By.CSS_SELECTOR, "th"):
            head = heading.find_element(By.XPATH, "ancestor::thead")
            assert head.value_of_css_property("display") == "table-header-group"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_the_head_of_a_table_is_printed_on_each_of_its_pages(browser, pages):
    browser.get(pages["comparison"].as_uri())
    pdf = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    texts = [
        page.extract_text() for page in PdfReader(io.BytesIO(base64.b64decode(pdf["data"]))).pages
    ]
    for text in texts:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        assert not lines[-1].startswith(("Undecided:", "settled from", "the claim"))
        if "critic: its output is goal-insensitive" in text:
            assert "the claim" in text


@pytest.mark.parametrize("name", ["report", "comparison", "probes"])
def test_no_sentence_is_long_or_full_of_codes(browser, pages, name):
    browser.get(pages[name].as_uri())
    texts = browser.execute_script("""
        document.querySelectorAll('details').forEach(each => each.open = true);
        const holds = each => each.querySelector('p, li, ul, ol, table, div');
        return [...document.querySelectorAll('p, li, td, figcaption, summary, h1, h2')]
            .filter(each => !holds(each) && !each.innerText.startsWith('Started '))
            .map(each => each.innerText);""")
    assert len(texts) > 30
    for sentence in (one for text in texts for one in re.split(r"(?<=[.:;?!])\s+|\n", text)):
        assert len(sentence.split()) <= 40, sentence
        assert len({*re.findall(r"\b[CR]\d{1,2}\b", sentence)}) <= 2, sentence


@pytest.mark.parametrize("name", ["report", "comparison", "probes"])
def test_details_open_and_the_page_prints(browser, pages, name):
    browser.get(pages[name].as_uri())
    for element in browser.find_elements(By.CSS_SELECTOR, "details"):
        element.find_element(By.CSS_SELECTOR, "summary").click()
        assert element.get_attribute("open") is not None
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 1280
    pdf = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert len(pdf["data"]) > 50_000
