"""The same network in its fast form: fused operations that return labels."""
