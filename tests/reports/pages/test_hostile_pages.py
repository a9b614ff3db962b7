"""Names that are no names: nothing on a page runs or is fetched, nothing is written elsewhere."""

import json
import re
from dataclasses import replace

import pytest
from helpers.synthetic_runs import BASELINE, write_run
from selenium.common.exceptions import NoAlertPresentException

from goalscope.reports import (
    ReportError,
    load_run,
    write_comparison,
    write_probe_page,
    write_report,
)

# Each leaves another place: text, an attribute, a style, a figure, a template.
ATTACK = (
    "<script>alert(1)</script>"
    "\"'><img src=http://127.0.0.1:9/x onerror=alert(1)>"
    "</style></svg><iframe src=../../../../etc/passwd></iframe>{{ 7 * 7 }}"
)
SHORT = replace(BASELINE, updates=60, probes={"content/critic.pixels.object_r2": 0.4})


def poisoned(folder, attack, seed):
    """Write a run in which every text and every name holds an attack, and return its folder."""
    write_run(folder, attack, seed, SHORT)
    info = json.loads((folder / "run.json").read_text())
    for section in ("settings", "versions", "hardware", "environment", "instruments"):
        info[section] = {**info[section], attack: attack}
    info["settings"] |= {"env.id": attack, "agent.class": attack, "arm.changes": [attack, attack]}
    info |= {"command": attack, "created": attack, "notes": [attack]}
    info["task"] |= {"name": attack, "unit": attack}
    for network in info["networks"].values():
        for block in network["blocks"]:
            block["name"] = block["name"].replace("pixels", attack)
            block["keys"] = [attack]
    (folder / "run.json").write_text(json.dumps(info))
    path = folder / "measurements.jsonl"
    lines = path.read_text().replace(".pixels.", f".{json.dumps(attack)[1:-1]}.").splitlines()
    failure = {"event": "failure", "instrument": attack, "cause": attack, "count": 2}
    lines[1:1] = [
        json.dumps({"step": 1, "update": 1, **failure}),
        json.dumps({"step": 1, "update": 1, "event": "note", "note": attack}),
        json.dumps({"step": 1, "update": 1, f"{attack.replace('/', '')}/a.b": "NaN"}),
    ]
    path.write_text("\n".join([*lines, ""]))
    rows = json.loads((folder / "routing.json").read_text())
    for row in rows["rows"]:
        row |= {"group": attack, "target": attack, "losses": [attack]}
    (folder / "routing.json").write_text(json.dumps(rows))
    return folder


def assert_nothing_runs(browser, page):
    browser.get_log("performance")
    browser.get(page.as_uri())
    browser.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    with pytest.raises(NoAlertPresentException):
        browser.switch_to.alert.accept()
    active = "return document.querySelectorAll('script, iframe, object, form, img').length"
    assert browser.execute_script(active) == 0
    logged = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    asked = {
        entry["params"]["request"]["url"]
        for entry in logged
        if entry["method"] == "Network.requestWillBeSent"
    }
    # A loaded machine is still at the browser's own first tab (chrome://) when the page is opened.
    assert {url for url in asked if not url.startswith(("data:", "chrome:"))} == {page.as_uri()}


def test_markup_in_a_record_stays_text(browser, tmp_path):
    folders = [poisoned(tmp_path / name, ATTACK, seed) for seed, name in enumerate("ab")]
    other = write_run(tmp_path / "c", "fix", 0, SHORT)
    for page in (
        write_report(folders[0]).page,
        write_probe_page(folders[0]),
        write_comparison([*folders, other], tmp_path / "page").page,
    ):
        assert_nothing_runs(browser, page)
    assert not re.search(r"<(script|img|iframe)\b", load_run(folders[0])._repr_html_())


def test_the_policy_of_a_page_stops_what_is_put_into_it(browser, tmp_path, few_figures):
    page = write_report(write_run(tmp_path / "a", kind=SHORT)).page
    added = "<script>document.title = 'ran'</script><img src='http://127.0.0.1:9/x'>"
    page.write_text(page.read_text().replace("</body>", f"{added}</body>"))
    browser.get(page.as_uri())
    assert browser.title != "ran"
    told = [entry["message"] for entry in browser.get_log("browser")]
    assert len(told) >= 2
    assert all("Content Security Policy" in message for message in told)


@pytest.mark.parametrize("name", ["tables", "figures"])
def test_a_link_out_of_the_folder_is_not_written_through(tmp_path, name):
    folder = write_run(tmp_path / "a", kind=SHORT)
    (tmp_path / "mine").mkdir()
    (folder / name).symlink_to(tmp_path / "mine")
    with pytest.raises(ReportError, match="is a link"):
        write_report(folder, figures=["png"])
    assert not list((tmp_path / "mine").iterdir())


@pytest.mark.parametrize("name", ["report.html", "findings.json", "tables/windows.csv"])
def test_a_file_that_is_a_link_is_replaced(tmp_path, name, few_figures):
    folder = write_run(tmp_path / "a", kind=SHORT)
    (folder / "tables").mkdir()
    (tmp_path / "mine").write_text("mine")
    (folder / name).symlink_to(tmp_path / "mine")
    write_report(folder)
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (folder / name).is_symlink()
