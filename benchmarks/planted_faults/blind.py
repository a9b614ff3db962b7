"""The blind faults of a round that is still to be scored; no threshold is set on a run of one."""

from benchmarks.planted_faults.fault import Fault
from benchmarks.planted_faults.fourth_round import FOURTH_ROUND

BLIND: tuple[Fault, ...] = FOURTH_ROUND
