"""Rendered faces: heads, hair, clothes and accessories computed from CC0 data, with exact masks."""
