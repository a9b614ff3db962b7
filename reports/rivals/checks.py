"""The checks: what else could keep an agent from learning, causes before their consequences."""

from goalscope.reports.rivals.check import Check
from goalscope.reports.rivals.faults import FAULTS
from goalscope.reports.rivals.limits import LIMITS

CHECKS: tuple[Check, ...] = (*FAULTS, *LIMITS)
