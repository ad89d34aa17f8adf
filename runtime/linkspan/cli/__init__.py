"""Commands; the composition root that wires worker, herder and REST."""
