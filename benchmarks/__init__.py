"""Commands that measure: each prints its figures beside a baseline of the same run, and its docstring is its protocol."""
