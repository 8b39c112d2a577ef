"""Review of open contributions: inspect, compare, accept or reject."""
