"""Training: recipes, augmentation, losses for rare classes, and the training loop."""
