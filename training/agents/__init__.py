"""Parts of agents: features extractors, routing, a lean SAC."""
