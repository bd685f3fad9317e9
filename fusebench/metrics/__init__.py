"""Metrics by name, scored on stored predictions."""
