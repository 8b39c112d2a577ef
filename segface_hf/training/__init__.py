"""Data, augmentation, losses and the one visible training loop."""
