"""Training: the trainer, the fit loop, and what happens between epochs."""
