"""Whether a product in an enhanced photo stayed what it is: the fidelity guard and its figures."""
