"""Measurements that a person runs; each module is one command."""
