"""What is concluded: run folders -> tables -> statistics -> figures -> pages.

    from goalscope.reports import write_comparison, write_report

    write_report("runs/mine").page
    write_comparison(["runs/a", "runs/b"], "pages/a-and-b").sentences

Reads records only, never a live model.
"""

from goalscope.reports.errors import ReportError
from goalscope.reports.pages.comparison import ComparisonPage, write_comparison
from goalscope.reports.pages.probes import write_probe_page
from goalscope.reports.pages.run import RunPage, write_report
from goalscope.reports.statistics.thresholds import Thresholds

__all__ = [
    "ComparisonPage",
    "ReportError",
    "RunPage",
    "Thresholds",
    "write_comparison",
    "write_probe_page",
    "write_report",
]
