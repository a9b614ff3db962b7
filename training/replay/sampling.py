"""Which transitions can be sampled, kept so that drawing one does not look at the others."""

import numpy as np


class FinishedRows:
    """The rows of finished episodes, a stretch of the ring for each environment.

    An environment's finished episodes follow one another, from its oldest whole one to the start of
    the one it is in. Rows are counted from the first added on.

    Args:
        rows: of the ring.
        n_envs: number of environments.
    """

    def __init__(self, rows: int, n_envs: int) -> None:
        self.rows = rows
        self.first = np.zeros(n_envs, np.int64)
        self.end = np.zeros(n_envs, np.int64)  # one past the last

    def finish(self, env: int, end: int) -> None:
        """An episode of an environment is over, whose last row is `end - 1`."""
        length = end - self.end[env]
        # SB3 takes an episode longer than the ring for its last (length modulo rows) transitions.
        self.first[env] += length - length % self.rows
        self.end[env] = end

    def drop(self, lengths: np.ndarray) -> None:
        """The oldest episodes are overwritten, of lengths int64 (n_envs,); 0 where none is."""
        self.first += lengths

    def draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows in the ring and environments, int64 (count,) each, uniform over all.

        The same as SB3's `HerReplayBuffer` draws from the same state of numpy's global generator:
        both number the rows as they lie in the ring and, in a row, by environment. SB3 lists them
        all; here they are counted in pieces of the ring in which the same environments have rows.

        Raises:
            ValueError: there are none.
        """
        begin = self.first % self.rows
        over = begin + self.end - self.first - self.rows  # rows beyond the ring's end, at its start
        starts = np.stack([begin, np.zeros_like(begin)])
        stops = np.stack([self.rows + np.minimum(over, 0), np.maximum(over, 0)])
        edges = np.unique([starts, stops])
        inside = (starts[..., None] <= edges[:-1]) & (edges[:-1] < stops[..., None])
        has_rows = inside.any(axis=0).T  # (pieces, n_envs)
        envs = np.argsort(~has_rows, axis=1, kind="stable")  # those that have rows first
        per_row = has_rows.sum(axis=1)
        sizes = per_row * np.diff(edges)
        ends = np.cumsum(sizes)
        chosen = np.random.randint(ends[-1], size=count)  # noqa: NPY002
        piece = np.searchsorted(ends, chosen, side="right")
        row, env = np.divmod(chosen - (ends - sizes)[piece], per_row[piece])
        return edges[piece] + row, envs[piece, env]
