"""Minima with an l1 penalty that is kept as it is."""
