"""Growth of a dataset: which masks are probably wrong, and which photo to correct next."""
