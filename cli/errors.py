"""The errors that are the user's to mend: one line each, exit code 2, no traceback."""

from goalscope.cli.plan import PlanError
from goalscope.diagnostics.probe_set import ProbeSetError
from goalscope.diagnostics.record import RecordError
from goalscope.probes import BlockError, UnsupportedPolicy
from goalscope.reports import ReportError
from goalscope.training.arms import UnknownArm
from goalscope.training.checkpoint import CheckpointError
from goalscope.training.lock import RunLocked
from goalscope.training.pixel_goal_env import UnusableEnvironment
from goalscope.training.probing_zip import ModelError
from goalscope.training.rendering import RenderingError
from goalscope.training.replay.sizes import BufferTooLarge
from goalscope.training.settings import SettingsError
from goalscope.training.study import StudyError

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
