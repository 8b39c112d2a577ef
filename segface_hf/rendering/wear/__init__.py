"""Meshes of clothes, glasses, headwear and jewellery."""
