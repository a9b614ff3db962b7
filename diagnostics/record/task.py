"""What a task is about: what its goals are, in which unit, and when one counts as reached."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from goalscope.diagnostics.record.documents import Count

NO_TARGET = "achieved_goal"
_Length = Annotated[float, Meta(ge=0, le=1e30)]


@dataclass(frozen=True)
class Task:
    """What a goal-conditioned task is about; environments declare theirs as `goal_task`.

    Distances are in goal units. One that is None is not known, and neither is what needs it.

    Attributes:
        name: such as FetchPush-v4.
        unit: of the goal vectors.
        shown_in: the unit in which distances are recorded and shown.
        scale: how many of those make one goal unit.
        tolerance: how near what is achieved must come for the goal to count as reached.
        goal_range: how far apart goals may lie along one dimension.
        negligible: a distance that counts as none: what moved less has not moved, a goal that is
            nearer lies in no direction.
        episode_steps: steps of an episode.
        target: what `achieved_goal` is the position of: one of `probe_targets`, or itself.
        probe_targets: name -> where the environment's info tells the truth of it: positions, or
            velocities per second where the name ends in "velocity".
        proprioception: what an agent may sense of itself, keys of the info.
    """

    name: str
    unit: str = "goal units"
    shown_in: str = "goal units"
    scale: Annotated[float, Meta(gt=0, le=1e30)] = 1.0
    tolerance: _Length | None = None
    goal_range: _Length | None = None
    negligible: _Length | None = None
    episode_steps: Count | None = None
    target: str = NO_TARGET
    probe_targets: Mapping[str, str] = field(default_factory=dict)
    proprioception: tuple[str, ...] = ()

    @property
    def key_unit(self) -> str:
        """The unit distances are shown in, as record keys have it: "cm", "goal_units"."""
        return self.shown_in.replace(" ", "_")

    def shown(self, distance: float) -> float:
        """Return a distance, given in goal units, in the unit it is shown in."""
        return self.scale * distance

    def in_words(self, distance: float) -> str:
        """Return a distance, given in goal units, with the unit it is shown in: "5 cm"."""
        return f"{self.shown(distance):g} {self.shown_in}"


UNKNOWN_TASK = Task("unknown")


def fetch_task(name: str) -> Task:
    """Return a Fetch task of gymnasium-robotics.

    Goals are positions of the gripper in FetchReach and of the object in the others. They are drawn
    from a square of 30 cm (FetchSlide: 60 cm) in which 5 cm count as reached.
    """
    probe_targets = {"gripper": "gripper_position"}
    if "Reach" not in name:
        probe_targets |= {"object": "object_position", "object_velocity": "object_velocity"}
    return Task(
        name=name,
        unit="m",
        shown_in="cm",
        scale=100,
        tolerance=0.05,
        goal_range=0.6 if "Slide" in name else 0.3,
        negligible=0.01,
        episode_steps=50,
        target="object" if "object" in probe_targets else "gripper",
        probe_targets=probe_targets,
        proprioception=("gripper_position", "gripper_velocity"),
    )


def named_task(name: str) -> Task:
    """Return the task of that name: all is known of a Fetch task, and the name alone of others."""
    return fetch_task(name) if name.startswith("Fetch") else Task(name)


def guessed_task(settings: Mapping[str, Any], probe_set: Mapping[str, Any]) -> Task:
    """Return the task of a run whose record was made before tasks were kept.

    Args:
        settings: of its run.json, which name the environment.
        probe_set: of its run.json, whose source names it, too.
    """
    name = str(settings.get("env.id") or "")
    found = re.search(r"Fetch\S+", f"{name} {probe_set.get('source', '')}")
    return named_task(found.group() if found else name or UNKNOWN_TASK.name)
