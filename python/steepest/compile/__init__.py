"""A description of layers compiled to the stages that a backend runs."""
