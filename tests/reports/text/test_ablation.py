"""What is said of an input follows from what playing without it cost."""

from helpers.synthetic_probes import probed

from goalscope.diagnostics.record.metrics import (
    ABLATED_RETURN_LOSS,
    ABLATED_SUCCESS,
    FOLLOWING_RETURN,
    UNTOUCHED_EPISODES,
    UNTOUCHED_RETURN,
    UNTOUCHED_SUCCESS,
    VALUE_BIAS,
)
from goalscope.reports import write_probe_page, write_report
from goalscope.reports.figures.ablation import ablation_plot
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.text.ablation import ablation_sentences

ENDS = ("rate", "low", "high")
MEANS = ("mean", "low", "high")


def played(success=(0.8, 0.67, 0.89), shuffled=(0.1, 0.04, 0.21), loss=(20.0, 15.0, 25.0)):
    """Return what 50 episodes found, of success or of the return alone."""
    found = {UNTOUCHED_EPISODES.key(): 50.0, UNTOUCHED_RETURN.key(): -20.0}
    for way, rates, losses in (
        ("shuffled", shuffled, loss),
        ("blanked", success, (0.0, -1.0, 1.0)),
        ("delayed", success, (0.0, -1.0, 1.0)),
    ):
        for end, value in zip(MEANS, losses, strict=True):
            found[ABLATED_RETURN_LOSS.key(block="pixels", way=way, end=end)] = value
        for end, value in zip(ENDS, rates or (), strict=bool(rates)):
            found[ABLATED_SUCCESS.key(block="pixels", way=way, end=end)] = value
    for end, value in zip(ENDS, success or (), strict=bool(success)):
        found[UNTOUCHED_SUCCESS.key(end=end)] = value
    for end, value in zip(MEANS, (3.0, 1.0, 5.0), strict=True):
        found[VALUE_BIAS.key(end=end)] = value
    return found | {FOLLOWING_RETURN.key(): -12.0}


def said(folder, **found):
    return " ".join(ablation_sentences(load_run(probed(folder, changed=played(**found)))))


def test_a_used_input_is_called_used(tmp_path):
    text = said(tmp_path / "a")
    assert "succeeds in 80 % (67 % to 89 %)" in text
    assert "shuffled 10 % (4.0 % to 21 %)" in text
    assert "It is used: shuffled" in text
    assert "3.0 (1.0 to 5.0) above the discounted return that follows, -12 on average" in text
    assert "promises too much" in text


def test_nothing_lost_is_not_called_unused_and_nothing_to_lose_says_nothing(tmp_path):
    near = said(tmp_path / "a", shuffled=(0.72, 0.58, 0.83), loss=(1.0, -1.0, 3.0))
    assert "that it is used was not shown" in near
    none = (0.0, 0.0, 0.07)
    assert "no success to lose" in said(tmp_path / "b", success=none, shuffled=none)


def test_without_success_the_return_decides(tmp_path):
    text = said(tmp_path / "a", success=None, shuffled=None)
    assert "mean return is -20" in text
    assert "It is used: shuffled" in text


def test_both_pages_show_it(tmp_path):
    folder = probed(tmp_path / "run", changed=played())
    for page in (write_report(folder).page, write_probe_page(folder)):
        shown = page.read_text()
        assert "It is used: shuffled" in shown.replace("\u00a0", " ")
        assert 'id="ablation"' in shown
    plot = ablation_plot(load_run(folder))
    assert [row["way"] for row in plot.rows()] == ["shuffled", "blanked", "delayed"]
    without = probed(tmp_path / "without")
    assert ablation_plot(load_run(without)) is None
    assert ablation_sentences(load_run(without)) == []
    assert "withheld" not in write_probe_page(without).read_text()
