"""Makers of metrics that have family, owners and blocks in common."""

from typing import Protocol

from goalscope.diagnostics.record.keys import Family, Metric


class _Kind(Protocol):
    def __call__(self, name: str, unit: str, label: str, condition: str = ...) -> Metric: ...


def kind_of(
    family: Family,
    owners: tuple[str, ...],
    blocks: tuple[str, ...] | None = (),
    usual_condition: str = "",
) -> _Kind:
    """Return a maker of metrics that have all this in common."""

    def make(name: str, unit: str, label: str, condition: str = usual_condition) -> Metric:
        return Metric(family, name, unit, label, owners, blocks, condition)

    return make
