"""Training environments in processes of their own, and what is said when one of them dies."""

import contextlib
import multiprocessing
import weakref
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import gymnasium as gym
from stable_baselines3.common.vec_env import SubprocVecEnv, subproc_vec_env

from goalscope.errors import EnvironmentLost
from goalscope.training.runs.interrupts import kept_from_workers

_SB3_WORKER = subproc_vec_env._worker
_GONE = 1.0  # seconds in which a process that was killed is known to be gone
_PATIENCE = 10.0  # seconds in which a process that was asked to end must have ended


class EnvironmentProcesses(SubprocVecEnv):
    """Environments that see no stop signal: the run saves itself first, and then ends them.

    However this process ends, they end with it: a pipe that closes ends its reader.

    Args:
        env_fns: what makes each environment.

    Raises:
        EnvironmentLost: one died, now or in any later call.
    """

    def __init__(self, env_fns: list[Callable[[], gym.Env[Any, Any]]]) -> None:
        # Not mujoco: it opens the display as it is imported, and that does not survive a fork.
        multiprocessing.set_forkserver_preload(["stable_baselines3"])
        with kept_from_workers(), _served_by(serve):
            try:
                super().__init__(env_fns)
            except (EOFError, OSError) as error:
                lost = _lost(self.processes[0], 0)  # the one that is asked for its spaces
                for process in self.processes:
                    process.kill()
                raise lost from error
        self.remotes = tuple(
            _Remote(remote, process, number)
            for number, (remote, process) in enumerate(
                zip(self.remotes, self.processes, strict=True)
            )
        )
        self._end = weakref.finalize(self, _end, self.remotes, self.processes)

    def close(self) -> None:
        """End every process, asked politely first."""
        self._end()
        self.closed = True


class _Remote:
    """The pipe to an environment's process, in which its death is an `EnvironmentLost`."""

    def __init__(self, pipe: Connection, process: BaseProcess, number: int) -> None:
        self._pipe, self._process, self._number = pipe, process, number
        self._owed = 0  # answers that have not come yet

    def send(self, message: object) -> None:
        try:
            self._pipe.send(message)
        except OSError as error:
            raise _lost(self._process, self._number) from error
        self._owed += 1

    def recv(self) -> Any:
        try:
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise _lost(self._process, self._number) from error
        self._owed -= 1
        return answer

    def dismiss(self) -> None:
        """Ask the process to end, once it has said all that it was asked."""
        with contextlib.suppress(EnvironmentLost):  # it has ended
            while self._owed:
                self.recv()
            self.send(("close", None))

    def close(self) -> None:
        self._pipe.close()


def serve(*arguments: Any) -> None:
    """Serve an environment as SB3's worker does, until the run is gone.

    A run that was killed may have left an answer unread: its pipe then breaks rather than ends.

    Raises:
        ConnectionError: the environment's own; the run is still there.
    """
    try:
        _SB3_WORKER(*arguments)
    except ConnectionError:
        run = multiprocessing.parent_process()
        assert run is not None
        run.join(_GONE)
        if run.is_alive():
            raise


@contextlib.contextmanager
def _served_by(worker: Callable[..., None]) -> Iterator[None]:
    """Inside, SB3 starts processes that run this function."""
    subproc_vec_env._worker = worker
    try:
        yield
    finally:
        subproc_vec_env._worker = _SB3_WORKER


def _end(remotes: Sequence[_Remote], processes: Sequence[BaseProcess]) -> None:
    for remote in remotes:
        remote.dismiss()
    for remote, process in zip(remotes, processes, strict=True):
        process.join(_PATIENCE)
        if process.is_alive():
            process.kill()  # the other signals are blocked there
            process.join()
        remote.close()


def _lost(process: BaseProcess, number: int) -> EnvironmentLost:
    process.join(_PATIENCE)
    code = process.exitcode or 0
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return EnvironmentLost(f"the process of environment {number} ({process.pid}) {how}")
