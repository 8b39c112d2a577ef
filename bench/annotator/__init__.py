"""A simulated annotator that drives the editor's own modules."""
