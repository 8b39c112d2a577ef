"""Meshes of heads and bodies with skin, eyes and hair."""
