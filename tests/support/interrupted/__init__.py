"""Fits that end in the middle, by whatever ends them."""
