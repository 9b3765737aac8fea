"""A training run, from its configuration to its last checkpoint: opened, checked, held and fitted."""
