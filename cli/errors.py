"""The errors that are the user's to mend: one line each, exit code 2, no traceback."""

from goalscope.cli.plan import PlanError
from goalscope.diagnostics.material.probe_set import ProbeSetError
from goalscope.diagnostics.record import RecordError
from goalscope.probes import BlockError, UnsupportedPolicy
from goalscope.reports import ReportError
from goalscope.training.envs.opengl import RenderingError
from goalscope.training.envs.pixel_goal_env import UnusableEnvironment
from goalscope.training.probing.zips import ModelError
from goalscope.training.replay.sizes import BufferTooLarge
from goalscope.training.runs.arms import UnknownArm
from goalscope.training.runs.checkpoint.folder import CheckpointError
from goalscope.training.runs.lock import RunLocked
from goalscope.training.runs.settings import SettingsError
from goalscope.training.runs.study import StudyError

BAD_INPUT = 2
USER_ERRORS = (
    BlockError,
    BufferTooLarge,
    CheckpointError,
    ModelError,
    PlanError,
    ProbeSetError,
    RecordError,
    RenderingError,
    ReportError,
    RunLocked,
    SettingsError,
    StudyError,
    UnknownArm,
    UnsupportedPolicy,
    UnusableEnvironment,
)
