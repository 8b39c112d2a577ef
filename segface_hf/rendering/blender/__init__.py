"""Scenes in Blender: objects, materials, lights, cameras and label passes."""
