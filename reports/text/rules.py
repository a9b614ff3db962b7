"""By which rules a page judges, in words: its families of tests, what they assume, their power."""

from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.statistics.formatting import count, percent
from goalscope.reports.statistics.power import power, power_together

SHARE = (
    "Share: the part of the first layer's pre-activation variance that an input brings (what the "
    "layer hears), or of the gradient of it."
)


def rule_sentences(assessment: Assessment, seeds: int, explanations: int) -> list[str]:
    """Return the rules of a page, a sentence each.

    Args:
        assessment: the links.
        seeds: of the baseline.
        explanations: how many tests the alternative explanations were judged among.
    """
    rules = assessment.thresholds
    rate, leaning = percent(rules.false_discoveries), percent(rules.false_leanings)
    found = [
        f"{count(assessment.tests, 'test')} of the claim and {explanations} of alternative "
        f"explanations stand on this page: two families, each under a false discovery rate "
        f"(Benjamini and Hochberg) of {rate}; of {leaning} for what leans.",
        f"Supported and contradicted take {rules.seeds_to_test} seeds, all with a number; fewer "
        "lean at most, and one is no test. Both assume that seeds are independent, and scatter "
        "alike to both sides on their scale.",
        f"Intervals are plain {100 * rules.confidence:g} % t-intervals, one quantity at a time; "
        "outcomes are stricter than they look.",
    ]
    sentence = power_sentence(assessment, seeds)
    return [*found, sentence] if sentence else found


def power_sentence(assessment: Assessment, seeds: int) -> str:
    """Return how much the study could have found; empty where nothing was tested."""
    rules = assessment.thresholds
    if seeds < rules.seeds_to_lean or not assessment.tests:
        return ""
    tests = seeds >= rules.seeds_to_test
    level = rules.false_discoveries if tests else rules.false_leanings
    parts = []
    for effect in (1, 2):
        low = power(seeds, effect, level / assessment.tests)
        high = power_together(seeds, effect, level, assessment.tests)
        parts.append(f"{effect} standard deviation{'s' * (effect > 1)} off, {_span(low, high)}")
    what = "decided" if tests else "found leaning"
    return (
        f"Power with {count(seeds, 'seed')}, from where one mean alone lies off its threshold to "
        f"where all do: {'; '.join(parts)} of tests {what}. A claim of several parts takes more."
    )


def _span(low: float, high: float) -> str:
    if percent(low) == percent(high):
        return percent(low)
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"
