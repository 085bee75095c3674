"""To scikit-learn and back."""
