"""Runs on a Ray cluster, whose records and checkpoints come back into the study's folder.

No disk is shared. Each run has an actor of its own, with the processors, memory and GPUs that it
asks for, and this process asks the actors what is new. A run whose node is lost goes on elsewhere
from the last checkpoint that came back.
"""

import logging
import shutil
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from goalscope.errors import UserError
from goalscope.training.executors.cluster_worker import Look, Worker, batches
from goalscope.training.executors.mirror import Piece, Sender, take
from goalscope.training.runs.capacity import memory_for
from goalscope.training.runs.checkpoint.folder import list_checkpoints, was_cut_off_at_once
from goalscope.training.runs.executor import Change
from goalscope.training.runs.settings import RunSettings, SettingsError

_POLL_SECONDS = 1.0
_REACHED_SECONDS = 10.0
_RETRIES = 3  # after the loss of a node, without a new checkpoint in between
_MARKED_SECONDS = 60.0  # within which Ray comes to know that a node is dead
_log = logging.getLogger("goalscope")


class ClusterError(UserError):
    """The cluster cannot be used; the message is one line and names the remedy."""


@dataclass
class _Placed:
    """A run on the cluster.

    Attributes:
        run: as the study has it.
        actor: that trains it.
        to_send: what is left of an earlier attempt, still to be sent there.
        arriving: where its folder grows until it can be gone on with.
        node: where its actor has a place, as Ray names it; empty while it waits for one.
    """

    run: RunSettings
    actor: Any
    to_send: Iterator[list[Piece]]
    arriving: Path
    node: str = ""


class RayCluster:
    """Trains runs on a Ray cluster.

    Args:
        address: of the cluster, as Ray has it; "auto" finds the one that this machine belongs to.
        parallel: runs at a time, at least 1; the cluster decides how many of them have room.
        gpus: of each run that may use one, where the cluster has any.

    Raises:
        ClusterError: there is no such cluster.
        SettingsError: fewer than one run at a time, or a negative number of GPUs.
    """

    threads = 1

    def __init__(self, address: str, parallel: int, gpus: float) -> None:
        if parallel < 1 or gpus < 0:
            raise SettingsError(
                f"--parallel must be at least 1 and --gpus at least 0, not {parallel} and {gpus:g}"
            )
        self._parallel, self._gpus = parallel, gpus
        self._waiting: list[RunSettings] = []
        self._working: dict[Any, _Placed] = {}  # the call that it was last asked -> run
        self._losses: dict[str, tuple[int, int]] = {}  # run -> step it had come to, times lost
        self._left: dict[str, tuple[str, float]] = {}  # run -> lost by, until when
        self._stopping = False
        _connect(address)

    def submit(self, run: RunSettings) -> None:
        """Train a run as soon as a node has room for it.

        Raises:
            SettingsError: no node is large enough, or its replay would stay behind on a node.
        """
        if run.frames == "disk" and run.save_buffer:
            raise SettingsError(
                "frames on a node's disk are lost with the node; use --frames memory on a cluster, "
                "or --no-save-buffer"
            )
        if run.shared_frames and run.frames is None:
            run = replace(run, frames="memory")  # of the node, whatever is free here
        needs = self._needs(run)
        if not any(_fits(needs, node["Resources"]) for node in _nodes()):
            wanted = ", ".join(f"{_amount(name, n)} {name}" for name, n in needs.items() if n)
            raise SettingsError(
                f"no node of the cluster has what {run.out.name} needs ({wanted}); use a smaller "
                "--buffer-size or fewer --threads, or start a larger node"
            )
        self._waiting.append(run)

    def poll(self) -> list[Change]:
        """Return which runs began, ended, and wait again since their node was lost."""
        for run in [*self._waiting]:
            if len(self._working) < self._parallel and self._may_be_placed(run):
                self._waiting.remove(run)
                self._place(run)
        calls = [*self._working]
        if not calls:
            time.sleep(_POLL_SECONDS)
            return []
        ray.wait(calls, timeout=_POLL_SECONDS)  # for any of them
        ready, _ = ray.wait(calls, num_returns=len(calls), timeout=0)
        return [change for call in ready for change in self._hear(call)]

    def stop(self) -> list[Change]:
        """Let every run that is under way save itself and end; one without a place waits on."""
        self._stopping = True
        self._waiting.clear()
        for call, placed in [*self._working.items()]:
            if placed.node:
                placed.actor.stop.remote()
            else:
                del self._working[call]
                ray.kill(placed.actor)
        changes: list[Change] = []
        while self._working:
            changes += self.poll()
        return changes

    def _needs(self, run: RunSettings) -> dict[str, float]:
        """Return what a run asks of a node, by Ray's names."""
        there = any(node["Resources"].get("GPU") for node in _nodes())
        environments = run.n_envs if run.fast else 1
        return {
            "CPU": max(run.threads or 1, environments),
            "GPU": self._gpus if there and run.device != "cpu" else 0,
            "memory": memory_for(run),
        }

    def _may_be_placed(self, run: RunSettings) -> bool:
        """Whether Ray would not send it to the node that lost it, which it may yet think alive."""
        node, until = self._left.get(run.out.name, ("", 0.0))
        return time.monotonic() > until or all(node != alive["NodeID"] for alive in _nodes())

    def _place(self, run: RunSettings) -> None:
        needs = self._needs(run)
        options = {"num_cpus": needs["CPU"], "num_gpus": needs["GPU"], "memory": needs["memory"]}
        probe_set = None if run.probe_set is None else run.probe_set.read_bytes()
        actor = ray.remote(Worker).options(**options).remote(run, probe_set)
        there = run.out.exists() and not was_cut_off_at_once(run.out)
        left = batches(Sender(run.out).pieces()) if there else iter(())
        arriving = run.out if run.out.exists() else run.out.with_name(f".arriving-{run.out.name}")
        shutil.rmtree(run.out.with_name(f".arriving-{run.out.name}"), ignore_errors=True)
        # The first call is small: it waits for a node, and what is sent is kept until it arrives.
        placed = _Placed(run, actor, left, arriving)
        self._working[placed.actor.where.remote()] = placed

    def _ask(self, placed: _Placed) -> None:
        batch = next(placed.to_send, None)
        actor = placed.actor
        call = actor.look.remote() if batch is None else actor.take.remote(batch)
        self._working[call] = placed

    def _hear(self, call: Any) -> list[Change]:
        """Return what changes by the answer to a call."""
        placed = self._working.pop(call)
        name = placed.run.out.name
        try:
            answer: Look | str | None = ray.get(call)
            if isinstance(answer, Look):
                self._take(placed, answer)
        except (RayTaskError, OSError) as error:
            cause = error.cause if isinstance(error, RayTaskError) else error
            ray.kill(placed.actor)
            return [self._failed(placed, " ".join(f"{type(cause).__name__}: {cause}".split()))]
        except RayError:
            self._left[name] = placed.node, time.monotonic() + _MARKED_SECONDS
            return [self._lost(placed, "its node was lost")]
        except KeyboardInterrupt:
            self._working[call] = placed  # `stop` is still to tell it
            raise
        if isinstance(answer, str):
            placed.node = answer
        if not isinstance(answer, Look) or not answer.ended:
            self._ask(placed)
            return [Change(name, "running")] if isinstance(answer, str) else []
        if answer.killed:
            return [self._lost(placed, answer.cause or "")]
        return [self._failed(placed, answer.cause) if answer.cause else Change(name, "finished")]

    def _take(self, placed: _Placed, look: Look) -> None:
        take(placed.arriving, [*look.pieces])
        out = placed.run.out
        if placed.arriving != out and list_checkpoints(placed.arriving):
            placed.arriving.rename(out)
            placed.arriving = out

    def _lost(self, placed: _Placed, cause: str) -> Change:
        """Have a run done again from where it had come to, unless it has been lost too often."""
        name, out = placed.run.out.name, placed.run.out
        checkpoints = list_checkpoints(out)
        step = checkpoints[-1].step if checkpoints else 0
        before, times = self._losses.get(name, (step, 0))
        times = 1 if step > before else times + 1
        self._losses[name] = step, times
        if self._stopping or times > _RETRIES:
            return self._failed(placed, cause if times == 1 else f"{cause}, {times} times")
        _log.warning("goalscope: %s: %s; it goes on elsewhere from step %d", name, cause, step)
        self._waiting.insert(0, placed.run)
        return Change(name, "waiting")

    def _failed(self, placed: _Placed, cause: str) -> Change:
        if placed.arriving != placed.run.out:
            shutil.rmtree(placed.arriving, ignore_errors=True)
        return Change(placed.run.out.name, "failed", cause)


def _connect(address: str) -> None:
    if ray.is_initialized():
        raise ClusterError(
            "this process is connected to a Ray cluster already: call ray.shutdown() first"
        )
    handler = signal.getsignal(signal.SIGTERM)  # Ray puts its own in place
    host, _, port = address.rpartition(":")
    try:
        if host and port.isdecimal() and "/" not in host:  # Ray waits without end for nobody
            socket.create_connection((host, int(port)), _REACHED_SECONDS).close()
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise ClusterError(
            f"there is no Ray cluster at {address} ({reason}); start one with `ray start --head`, "
            "or give its --address"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, handler)


def _nodes() -> list[Mapping[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _fits(needs: Mapping[str, float], has: Mapping[str, float]) -> bool:
    return all(has.get(name, 0) >= amount for name, amount in needs.items())


def _amount(name: str, number: float) -> str:
    return f"{number / 2**30:.1f} GiB" if name == "memory" else f"{number:g}"
