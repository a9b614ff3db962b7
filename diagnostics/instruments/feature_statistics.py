"""The instrument of feature statistics and forward signal."""

from torch import Tensor

from goalscope.diagnostics.instruments.instrument import Context, Instrument, Moment
from goalscope.diagnostics.record.keys import Family, before_normalisation, prefixed
from goalscope.probes import feature_statistics, forward_signal


class FeatureInstrument(Instrument):
    """Measures what the fused features are and who is heard, from the update's own passes."""

    name = "feature_statistics"
    moment = Moment.PASSES

    def measure(self, context: Context) -> dict[str, Tensor]:
        """Return the metrics of every network that made a forward pass."""
        results: dict[str, Tensor] = {}
        for name, seen in context.tracked.passes.items():
            network = context.networks[name]
            statistics = feature_statistics(
                seen.inputs[:, : network.features_dim],
                network.columns,
                tanh=[block.name for block in network.blocks if block.ends_in == "Tanh"],
                beside={before_normalisation(block): raw for block, raw in seen.raw.items()},
            )
            results |= prefixed(Family.FEATURES, statistics, name)
            if seen.weights:
                signal = forward_signal(seen.inputs, seen.weights, network.consumer_columns)
                results |= prefixed(Family.SIGNAL, signal, name)
        return results
