"""All figures of a run's probes, in reading order; what cannot be drawn says why."""

from dataclasses import replace

from goalscope.reports.figures.ablation import ablation_plot
from goalscope.reports.figures.probes.attribution import attribution_section
from goalscope.reports.figures.probes.content import augmentation_section, content_section
from goalscope.reports.figures.probes.front import front_section
from goalscope.reports.figures.probes.map import map_section
from goalscope.reports.figures.probes.saliency import saliency_section
from goalscope.reports.figures.probes.sections import Absent, Section
from goalscope.reports.numbers.probes import Probes

_FROM_ARRAYS = (map_section, front_section, saliency_section)
_GONE = "the arrays it is drawn from are missing from the run's folder; probe the run again"


def probe_sections(probes: Probes) -> list[Section]:
    """Return the figures of a run's probes, each drawn or absent with its reason."""
    kept = any(checkpoint.arrays for checkpoint in probes.checkpoints)
    played = ablation_plot(probes.run)
    found: list[Section] = [] if played is None else [played]
    for section in (
        map_section,
        front_section,
        attribution_section,
        content_section,
        saliency_section,
        augmentation_section,
    ):
        made = section(probes)
        if isinstance(made, Absent) and section in _FROM_ARRAYS and not kept:
            made = replace(made, reason=_GONE)
        found.append(made)
    return found
