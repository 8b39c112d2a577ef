"""The drawn faces of the training tests."""

from tests.segface_hf.training.conftest import bust, folder, one_thread, recipe

__all__ = ["bust", "folder", "one_thread", "recipe"]
