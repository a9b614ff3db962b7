"""The checks: what else could keep an agent from learning, causes before their consequences."""

from goalscope.reports.rivals.check import Check
from goalscope.reports.rivals.faults import FAULT_CHECKS
from goalscope.reports.rivals.limits import LIMIT_CHECKS

CHECKS: tuple[Check, ...] = (*FAULT_CHECKS, *LIMIT_CHECKS)
