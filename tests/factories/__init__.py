"""Functions that make what tests begin with."""
