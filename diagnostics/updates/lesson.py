"""What an update's losses ask of critics: other values of their own, of the actor's more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from goalscope.diagnostics.record.keys import ACTOR, CRITIC, CRITIC_TARGET
from goalscope.diagnostics.updates.hooks import Hook
from goalscope.probes import Network


@dataclass(frozen=True)
class Lesson:
    """What an update's passes show of the values that its critics are taught, detached.

    Attributes:
        values: float (B, C), what the critics answered.
        gradients: float (B, C), of the critic's loss at these answers.
        next_values: float (B, C), the target's answers for what came next, of each of its critics
            also where it passes one value on for all; None where it was not asked once.
        next_heads: float (B, C), what the target's heads answered, where it passed on what none of
            them did; None where it did not.
        next_actions: float (B, A), the actions that it was asked about; None likewise.
        policy: mean and logarithm of the spread, float (B, A) each, that the next actions were
            drawn with, before Tanh; None where no such was seen once.
    """

    values: Tensor
    gradients: Tensor
    next_values: Tensor | None
    next_heads: Tensor | None
    next_actions: Tensor | None
    policy: tuple[Tensor, Tensor] | None


@dataclass
class _Answer:
    """One pass of the critics: their answers, float (B, C), and what came back to each."""

    values: Tensor
    gradients: list[Tensor | None]

    @classmethod
    def heard(cls, columns: tuple[Tensor, ...]) -> "_Answer":
        """Return answers, float (B, 1) each, that are told what comes back to them."""
        values = torch.cat([column.detach() for column in columns], dim=1)
        answer = cls(values, [None] * len(columns))
        for number, column in enumerate(columns):
            column.register_hook(lambda g, number=number: answer.receive(number, g))
        return answer

    def receive(self, number: int, gradient: Tensor) -> None:
        self.gradients[number] = gradient.detach().flatten()

    @property
    def was_taught(self) -> bool:
        """Whether a loss has sent a gradient back."""
        return any(gradient is not None for gradient in self.gradients)


@dataclass(frozen=True)
class _Expected:
    """One pass of the target: its answers, float (B, C), and those of its heads, (B, 1) each."""

    values: Tensor
    heads: list[Tensor]
    actions: Tensor

    def of_each(self) -> Tensor:
        """Return what each critic answered, float (B, C).

        A target may pass one of its critics' values on for all of them, the least or the largest:
        then that of each is its head's. What lies beyond its heads' answers is no such choice.
        """
        if len(self.heads) != self.values.shape[1]:
            return self.values
        heads, one = torch.cat(self.heads, dim=1), self.values[:, :1]
        within = (one >= heads.amin(dim=1, keepdim=True)) & (one <= heads.amax(dim=1, keepdim=True))
        chosen = (self.values == one) & within
        return heads if bool(chosen.all()) else self.values

    def changed(self) -> Tensor | None:
        """Return what its heads answered, float (B, C), where it passed on what none of them did.

        None where it did not.
        """
        if len(self.heads) != self.values.shape[1]:
            return None
        heads = torch.cat(self.heads, dim=1)
        known = (self.values[:, :, None] == heads[:, None]).any(dim=2)
        return None if bool(known.all()) else heads


class Lessons:
    """Watches what critics answer and what the actor draws from, while its owner listens.

    Args:
        networks: the agent's.
        listening: asked at every pass whether it is to be kept.
    """

    def __init__(self, networks: Mapping[str, Network], listening: Callable[[], bool]) -> None:
        self._listening = listening
        self._answers: list[_Answer] = []
        self._judgements: list[_Answer] = []  # of the actor's actions
        self._lone: list[_Answer] = []  # the same of a head that is asked by itself, as TD3's first
        self._next: list[_Expected] = []
        self._heads: list[Tensor] = []  # of the target, in the pass that is being made
        self._means: list[Tensor] = []
        self._spreads: list[Tensor] = []
        self._handles: list[RemovableHandle] = []
        if not {ACTOR, CRITIC, CRITIC_TARGET} <= set(networks):
            return
        for name, keep in ((CRITIC, self._answer), (CRITIC_TARGET, self._answer_next)):
            self._hook(networks[name].module, keep)
        for name, keep_head in ((CRITIC, self._answer_alone), (CRITIC_TARGET, self._answer_head)):
            for head in networks[name].heads.values():
                self._hook_head(head, keep_head)
        actor = networks[ACTOR]
        if actor.action_head is not None and actor.action_head.log_spread is not None:
            for layer, kept in (
                (actor.action_head.mean, self._means),
                (actor.action_head.log_spread, self._spreads),
            ):
                self._hook_policy(actor.module, layer, kept)

    def take(self) -> Lesson | None:
        """Return what was seen since this was last asked, and forget it.

        None where the critics were not asked just once, or answer in another way than with a value
        each, or one of them got no gradient.
        """
        answers, following = list(self._answers), list(self._next)
        policy = list(zip(self._means, self._spreads, strict=False))
        self.clear()
        if len(answers) != 1:
            return None
        values, gradients = answers[0].values, answers[0].gradients
        whole = [gradient for gradient in gradients if gradient is not None]
        if len(whole) < len(gradients):
            return None
        expected = following[0] if len(following) == 1 else None
        return Lesson(
            values,
            torch.stack(whole, dim=1),
            None if expected is None else expected.of_each(),
            None if expected is None else expected.changed(),
            None if expected is None else expected.actions,
            policy[0] if len(policy) == 1 else None,
        )

    def q_weight(self, *, alone: bool) -> Tensor | None:
        """Return how much the actor's loss falls where its actions' values all rise by 1.

        Minus the sum, over rows and critics, of the loss's gradient at the critics' answers to the
        actor's actions: 0 where none came back, and where they were asked about other actions alone
        by a loss that is not their own. None where they were not asked just once with actions that
        carry a gradient.

        Args:
            alone: whether it is the actor's loss alone that has been descended since last time.
        """
        judgements = self._judgements + self._lone
        if not judgements and alone and any(answer.was_taught for answer in self._answers):
            return torch.zeros(())
        if len(judgements) != 1:
            return None
        found = torch.zeros_like(judgements[0].values[0, 0], dtype=torch.float32)
        for gradient in judgements[0].gradients:  # none at critics that the loss does not read
            if gradient is not None:
                found -= gradient.float().sum()
        return found

    def clear(self) -> None:
        """Forget what was seen."""
        for answers in (self._answers, self._judgements, self._lone, self._next):
            answers.clear()
        for seen in (self._heads, self._means, self._spreads):
            seen.clear()

    def detach(self) -> None:
        """Remove every hook, and forget what was seen."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self.clear()

    def _hook(self, module: nn.Module, keep: Callable[[Tensor, tuple[Tensor, ...]], None]) -> None:
        def answered(_: nn.Module, args: tuple[Any, ...], output: object) -> None:
            if not self._listening() or len(args) != 2 or not isinstance(args[1], Tensor):
                return
            if isinstance(output, tuple) and _are_values(output, len(args[1])):
                keep(args[1], output)

        self._handles.append(module.register_forward_hook(Hook(answered)))

    def _answer(self, actions: Tensor, output: tuple[Tensor, ...]) -> None:
        self._lone.clear()  # its heads were not asked alone
        # Actions that carry a gradient are the actor's, and so is the loss.
        kept = self._judgements if actions.requires_grad else self._answers
        if all(values.requires_grad for values in output):
            kept.append(_Answer.heard(output))

    def _answer_alone(self, inputs: tuple[Any, ...], output: Tensor) -> None:
        # Only an actor's action has a gradient to carry: SB3 encodes for a lone head without one.
        carried = any(isinstance(one, Tensor) and one.requires_grad for one in inputs)
        if carried and output.requires_grad:
            self._lone.append(_Answer.heard((output,)))

    def _answer_next(self, actions: Tensor, output: tuple[Tensor, ...]) -> None:
        heads = list(self._heads)
        self._heads.clear()
        if not any(values.requires_grad for values in output):
            self._next.append(_Expected(torch.cat(output, dim=1), heads, actions.detach()))

    def _answer_head(self, _: tuple[Any, ...], output: Tensor) -> None:
        self._heads.append(output.detach())

    def _hook_head(self, head: nn.Module, keep: Callable[[tuple[Any, ...], Tensor], None]) -> None:
        def answered(_: nn.Module, args: tuple[Any, ...], output: object) -> None:
            if self._listening() and isinstance(output, Tensor) and output.shape[1:] == (1,):
                keep(args, output)

        self._handles.append(head.register_forward_hook(Hook(answered)))

    def _hook_policy(self, actor: nn.Module, layer: nn.Module, kept: list[Tensor]) -> None:
        def drew(_: nn.Module, __: tuple[Any, ...], output: object) -> None:
            if not self._listening() or not actor.training or not isinstance(output, Tensor):
                return  # in evaluation it acts
            if not output.requires_grad:  # else it is what the actor is trained by
                kept.append(output)

        self._handles.append(layer.register_forward_hook(Hook(drew)))


def _are_values(output: tuple[object, ...], rows: int) -> bool:
    """Return whether critics answered with a value each for every row."""
    return bool(output) and all(isinstance(o, Tensor) and o.shape == (rows, 1) for o in output)
