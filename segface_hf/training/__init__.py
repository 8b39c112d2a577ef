"""Training: data folders, augmentation, long-tail recipes, losses, and the one visible loop."""
