"""Which columns of the fused features belong to which observation key, found from the extractor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.func import functional_call

from goalscope.errors import UserError
from goalscope.probes.isolation import evaluation_mode, isolated_generators

GoalKeys = tuple[str | None, str | None]  # achieved, desired: keys of an observation, or none
ACHIEVED_GOAL, DESIRED_GOAL = GOAL_KEYS = ("achieved_goal", "desired_goal")  # SB3's
GOAL = "goal"
ACTION = "action"
_CONSTANT = "constant"
_MADE_UP = (GOAL, ACTION, _CONSTANT)  # blocks that are no key's own
_RAW = "_raw"  # ends the names of what is measured before a normalisation
_KEY = "key_"
_LONGEST_NAME = 60  # characters

_NORMALISATIONS = (
    nn.LayerNorm,
    nn.RMSNorm,
    nn.GroupNorm,
    nn.BatchNorm1d,
    nn.InstanceNorm1d,
    nn.LocalResponseNorm,
)
# Hand on what they receive, as blocks are looked for: in evaluation mode.
_HANDING_ON = (nn.Identity, nn.Flatten, nn.modules.dropout._DropoutNd)
_REFUSALS = (ValueError, RuntimeError, IndexError, AssertionError)


class BlockError(UserError):
    """The extractor's output cannot be taken apart; the message is one line."""


@dataclass(frozen=True, eq=False)
class Block:
    """A modality's columns in the fused features.

    Attributes:
        name: of the observation key (`key_name`): whatever the goals' keys are, their blocks are
            called achieved_goal and desired_goal. For columns that mix several keys, their names
            joined by "+", of many the goals' and the first, and how many more; for columns that
            depend on none, "constant".
        keys: the observation keys these columns depend on.
        columns: int64 (d_k,), their indices in the fused features, ascending.
        parameters: names, within the extractor, of the parameters these columns depend on.
        identity: whether the columns are the flattened observation itself.
        ends_in: class name of the module that made the columns (such as "Tanh"), None where no
            single module did.
        normalisation: name, within the extractor, of the normalisation the encoder ends in.
    """

    name: str
    keys: tuple[str, ...]
    columns: Tensor
    parameters: tuple[str, ...] = ()
    identity: bool = False
    ends_in: str | None = None
    normalisation: str | None = None

    @property
    def width(self) -> int:
        """Number of units, d_k."""
        return len(self.columns)

    @property
    def mixed(self) -> bool:
        """Whether the columns depend on several observation keys."""
        return len(self.keys) > 1


def find_blocks(
    extractor: nn.Module, observations: Mapping[str, Tensor], goal_keys: GoalKeys = GOAL_KEYS
) -> tuple[Block, ...]:
    """Return the blocks of the fused features, in the order of their first columns.

    An observation key is replaced by NaN, and the columns that become NaN are those that depend on
    it. Unlike a gradient this also sees what passes a dead ReLU, a `detach` or a factor of zero:
    which wires exist, not which carry current today. Columns that change when the key's rows are
    exchanged are added, for extractors that clean NaNs away or refuse them. Encoder parameters are
    assigned the same way. An extractor that draws random numbers draws the same in every pass.
    Nothing of the extractor, and of no generator, is altered.

    Args:
        extractor: an SB3 features extractor of a Dict observation.
        observations: key -> float (B, ...), B >= 2, as the extractor receives them (images already
            scaled by SB3), finite.
        goal_keys: what the achieved and the desired goal are called in the observation.

    Raises:
        BlockError: the fused features are not a finite (B, D) tensor.
    """
    inputs = {key: value.clone() for key, value in observations.items()}
    with torch.no_grad(), evaluation_mode(extractor):
        features, trace = _traced_forward(extractor, inputs)
        if features.ndim != 2 or not bool(features.isfinite().all()):
            raise BlockError(
                f"the features extractor returned {tuple(features.shape)} with "
                f"{int((~features.isfinite()).sum())} non-finite values; "
                "goalscope needs finite fused features of shape (batch, units)"
            )
        depends = torch.stack([_depends_on_key(extractor, inputs, k, features) for k in inputs])
        reached = {
            name: _depends_on_parameter(extractor, inputs, name, features)
            for name, _ in extractor.named_parameters()
        }
    names = {key: key_name(key, goal_keys) for key in inputs}
    return _assemble(names, depends.cpu(), reached, inputs, features, trace)


def goal_columns(blocks: Sequence[Block]) -> Tensor | None:
    """Return the columns of both goal vectors together, int64 (d,), or None where there are none.

    Blocks that mix a goal with another key do not count: their columns are not the goal's alone.
    """
    parts = [b.columns for b in blocks if set(b.name.split("+")) <= set(GOAL_KEYS)]
    return torch.cat(parts) if parts else None


def _forward(
    extractor: nn.Module, inputs: Mapping[str, Tensor], parameters: Mapping[str, Tensor]
) -> Tensor:
    # The buffers are clones: a normalisation that keeps running statistics must not see the poison.
    buffers = {name: value.clone() for name, value in extractor.named_buffers()}
    with isolated_generators(seed=0):
        features: Tensor = functional_call(extractor, {**buffers, **parameters}, (dict(inputs),))
    return features


def _depends_on_key(
    extractor: nn.Module, inputs: Mapping[str, Tensor], key: str, features: Tensor
) -> Tensor:
    poisoned = {**inputs, key: torch.full_like(inputs[key], torch.nan)}
    exchanged = {**inputs, key: inputs[key].roll(1, dims=0)}
    return _turns_nan(extractor, poisoned, {}) | _changes(extractor, exchanged, {}, features)


def _depends_on_parameter(
    extractor: nn.Module, inputs: Mapping[str, Tensor], name: str, features: Tensor
) -> Tensor:
    parameter = extractor.get_parameter(name)
    poison = {name: torch.full_like(parameter, torch.nan)}
    moved = {name: parameter + 0.1 * (1 + parameter.abs())}
    return _turns_nan(extractor, inputs, poison) | _changes(extractor, inputs, moved, features)


def _turns_nan(
    extractor: nn.Module, inputs: Mapping[str, Tensor], parameters: Mapping[str, Tensor]
) -> Tensor:
    try:
        return _forward(extractor, inputs, parameters).isnan().any(dim=0)
    except _REFUSALS:  # a distribution, an embedding: what changes must tell
        return torch.tensor(False, device=next(iter(inputs.values())).device)


def _changes(
    extractor: nn.Module,
    inputs: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    features: Tensor,
) -> Tensor:
    # A convolution may pick another algorithm for other data: only a real change counts.
    difference = (_forward(extractor, inputs, parameters) - features).abs()
    return (difference > 1e-5 * (1 + features.abs())).any(dim=0)


@dataclass(frozen=True, eq=False)
class _Call:
    """One call of a leaf module within the extractor."""

    name: str
    module: nn.Module
    source: Tensor
    result: Tensor


def _traced_forward(
    extractor: nn.Module, inputs: Mapping[str, Tensor]
) -> tuple[Tensor, list[_Call]]:
    calls: list[_Call] = []
    handles = []
    for name, module in extractor.named_modules():
        if next(module.children(), None) is not None:
            continue

        def record(
            module: nn.Module, args: tuple[object, ...], result: object, name: str = name
        ) -> None:
            if args and isinstance(args[0], Tensor) and isinstance(result, Tensor):
                calls.append(_Call(name, module, args[0], result))

        handles.append(module.register_forward_hook(record))
    try:
        return _forward(extractor, inputs, {}), calls
    finally:
        for handle in handles:
            handle.remove()


def _assemble(
    names: Mapping[str, str],
    depends: Tensor,
    reached: Mapping[str, Tensor],
    inputs: Mapping[str, Tensor],
    features: Tensor,
    trace: Sequence[_Call],
) -> tuple[Block, ...]:
    groups: dict[tuple[str, ...], list[int]] = {}
    for column in range(features.shape[1]):
        owners = tuple(key for row, key in enumerate(names) if bool(depends[row, column]))
        groups.setdefault(owners, []).append(column)
    blocks: list[Block] = []
    for owners, members in groups.items():
        columns = torch.tensor(members, device=features.device)
        values = features[:, columns]
        maker = _maker(values, trace)
        normalisation = None if maker is None else _final_normalisation(maker, trace)
        identity = len(owners) == 1 and _same(inputs[owners[0]].flatten(1), values)
        name = _joined([names[key] for key in owners]) or _CONSTANT
        while any(block.name == name for block in blocks):  # keys "a.b" and "a/b"
            name += "_"
        blocks.append(
            Block(
                name=name,
                keys=owners,
                columns=columns,
                parameters=tuple(n for n, hit in reached.items() if bool(hit[columns].any())),
                identity=identity,
                ends_in=None if maker is None or identity else type(maker.module).__name__,
                normalisation=None if normalisation is None else normalisation.name,
            )
        )
    return tuple(blocks)


def _joined(names: Sequence[str]) -> str:
    """Return what columns that mix several keys are called: where they are many, some of them."""
    whole = "+".join(names)
    if len(whole) <= _LONGEST_NAME:
        return whole
    goals_first = sorted(names, key=lambda name: name not in GOAL_KEYS)
    lengths = accumulate(len(name) + 1 for name in goals_first)
    kept = goals_first[: max(1, sum(length <= _LONGEST_NAME for length in lengths))]
    return "+".join([*kept, f"{len(names) - len(kept)} more"])


def key_name(key: str, goal_keys: GoalKeys = GOAL_KEYS) -> str:
    """Return what a key's own block is called: the key itself, wherever a record can hold it.

    The goals' are called as SB3 calls them, whatever their keys are. "/", "." and "+" separate the
    parts of a record key; `goal`, `action` and `constant` are blocks made up of others, and "_raw"
    ends the name of another's. A key so called, or called as a goal that it is not, is "key_goal".
    """
    if key in goal_keys:
        return GOAL_KEYS[goal_keys.index(key)]
    name = key.replace("/", "_").replace(".", "_").replace("+", "_")
    bare = name
    while bare.startswith(_KEY):  # "key_goal" is a key's own name, too
        bare = bare.removeprefix(_KEY)
    taken = (*_MADE_UP, *GOAL_KEYS)
    return f"{_KEY}{name}" if bare in taken or bare.endswith(_RAW) else name


def _same(left: Tensor, right: Tensor) -> bool:
    return left.shape == right.shape and bool((left == right).all())


def _maker(values: Tensor, trace: Sequence[_Call]) -> _Call | None:
    """Return the last leaf module that made exactly these columns, flattened or not."""
    return next(
        (
            call
            for call in reversed(trace)
            if call.result.ndim > 1
            and not isinstance(call.module, _HANDING_ON)
            and _same(call.result.flatten(1), values)
        ),
        None,
    )


def _final_normalisation(maker: _Call, trace: Sequence[_Call]) -> _Call | None:
    """Return the normalisation that made the columns, itself or through one activation."""
    if isinstance(maker.module, _NORMALISATIONS):
        return maker
    if maker.source.ndim < 2 or any(weight.ndim > 1 for weight in maker.module.parameters()):
        return None  # a layer that mixes what was normalised: no activation
    before = _maker(maker.source.flatten(1), trace[: trace.index(maker)])
    return before if before is not None and isinstance(before.module, _NORMALISATIONS) else None
