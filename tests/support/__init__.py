"""What test files share: implementations, strategies for drawn input, tolerances, published numbers."""
