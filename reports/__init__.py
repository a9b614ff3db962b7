"""What is concluded: run folders -> tables -> statistics -> figures -> pages.

    from goalscope.reports import write_comparison, write_report

    write_report("runs/mine").page
    write_comparison(["runs/a", "runs/b"], "pages/a-and-b").sentences

Reads records only, never a live model. The names are imported when they are first used: whoever
only wants to name an exception loads neither pandas nor matplotlib.
"""

from typing import TYPE_CHECKING

from goalscope.lazy import lazy_names

__all__ = [
    "ComparisonPage",
    "LoadedRun",
    "ReportError",
    "RunPage",
    "Thresholds",
    "load_run",
    "write_comparison",
    "write_probe_page",
    "write_report",
]

if TYPE_CHECKING:
    from goalscope.reports.errors import ReportError
    from goalscope.reports.pages.comparison import ComparisonPage, write_comparison
    from goalscope.reports.pages.loaded import LoadedRun, load_run
    from goalscope.reports.pages.probes import write_probe_page
    from goalscope.reports.pages.run import RunPage, write_report
    from goalscope.reports.statistics.thresholds import Thresholds
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "ComparisonPage": ".pages.comparison",
            "LoadedRun": ".pages.loaded",
            "ReportError": ".errors",
            "RunPage": ".pages.run",
            "Thresholds": ".statistics.thresholds",
            "load_run": ".pages.loaded",
            "write_comparison": ".pages.comparison",
            "write_probe_page": ".pages.probes",
            "write_report": ".pages.run",
        },
    )
