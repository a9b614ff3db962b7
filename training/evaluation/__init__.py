"""How well a policy does its task, and how well one without skill would."""
