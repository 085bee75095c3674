"""How estimators are fitted."""
