"""Folders and rows of photos with masks, for the trainer, evaluation and exchange."""
