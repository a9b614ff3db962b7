"""Colours and dashes of arms."""

from goalscope.reports.figures.style import arm_style


def test_the_baseline_is_always_blue_and_arms_differ():
    arms = [f"arm{i}" for i in range(9)]
    assert arm_style("arm0", arms)[0] == arm_style("x", ["x", "arm0"])[0]
    assert len({arm_style(arm, arms)[0] for arm in arms}) == 9
