"""Scores of a model on photos with masks, with intervals and reports."""

from segface_hf.evaluation.scores import Scores, confusion_matrix

__all__ = ["Scores", "confusion_matrix"]
