"""Displays: pictures of fitted estimators in the manner of scikit-learn."""
