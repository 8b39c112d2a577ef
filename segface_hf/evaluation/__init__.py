"""Scores of a model on photos with masks, with intervals and reports."""
