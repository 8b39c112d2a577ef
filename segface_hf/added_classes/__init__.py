"""Classes that are added to a model from a few example photos, without training."""
