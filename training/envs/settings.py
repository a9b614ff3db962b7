"""Which task, and what is observed of it: as data, without an environment of ours."""

from dataclasses import dataclass, fields

from goalscope.training.envs.observing import UnusableEnvironment
from goalscope.training.envs.tasks import is_own


@dataclass(frozen=True)
class EnvironmentSettings:
    """What is observed, and of what.

    Attributes:
        id: the task, or where an environment of a user's own comes from: that one shows what it
            shows, `pixels` and `goals` say whether they are in it, and the rest is left alone.
        image_size: height and width of the image in pixels.
        camera: camera of the model, or one of `VIEWS`; None is the environment's own view.
        pixels: observe the image.
        goals: observe the goal vectors.
        state: observe the simulator's whole state.
        proprioception: also observe position and velocity of what the agent moves itself.
        frame_stack: frames stacked along the channels; pixels only.
        goal_marker: draw the desired goal.
        offsamples: samples of antialiasing; they change the pixels.
        shuffled_pixels: show the image of another observation.
        dense_reward: minus the distance to the goal instead of -1 and 0.
    """

    id: str = "FetchPush-v4"
    image_size: int = 84
    camera: str | None = None
    pixels: bool = True
    goals: bool = True
    state: bool = False
    proprioception: bool = False
    frame_stack: int = 1
    goal_marker: bool = True
    offsamples: int = 0
    shuffled_pixels: bool = False
    dense_reward: bool = False


@dataclass(frozen=True, kw_only=True)
class ObservationSettings:
    """What a user chooses to be observed; an arm decides the rest."""

    env: str = EnvironmentSettings.id
    """The task: a Fetch task of gymnasium-robotics, or PixelPoint-v0. Or an environment of your
    own, by module:function or file.py:function that returns it, or by the id it is registered
    under; it shows what it shows, and the flags of observations are not for it."""

    image_size: int = EnvironmentSettings.image_size
    """Height and width of the image in pixels, rendered directly at that size."""

    camera: str | None = EnvironmentSettings.camera
    """Camera of the model, or close; the environment's own view if left out."""

    proprioception: bool = EnvironmentSettings.proprioception
    """Also observe position and velocity of what the agent moves itself, never of an object."""

    frame_stack: int = EnvironmentSettings.frame_stack
    """Number of frames stacked; pixels only."""

    @property
    def observed(self) -> EnvironmentSettings:
        """The environment's settings before what an arm changes in them.

        Raises:
            UnusableEnvironment, NotDict: it is a user's own, and cannot be used, or is to show
                something else.
        """
        if is_own(self.env):
            for f in fields(ObservationSettings):
                if f.name != "env" and getattr(self, f.name) != f.default:
                    raise UnusableEnvironment(
                        f"--{f.name.replace('_', '-')} is of goalscope's own tasks; let {self.env} "
                        "make what it is to show"
                    )
            from goalscope.training.envs.own import shown_by  # which makes it, to be told

            shown = shown_by(self.env)
            return EnvironmentSettings(id=self.env, pixels=bool(shown.images), goals=shown.goals)
        return EnvironmentSettings(
            id=self.env,
            image_size=self.image_size,
            camera=self.camera,
            proprioception=self.proprioception,
            frame_stack=self.frame_stack,
        )
