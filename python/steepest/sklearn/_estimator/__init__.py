"""What all four estimators are: parameters, one template of a fit, validation, classes or numbers."""
