"""The blind faults of a round that is still to be scored; no threshold is set on a run of one."""

from benchmarks.planted_faults.fault import Fault

BLIND: tuple[Fault, ...] = ()
