"""The Gradio app over `segface_hf` (parse) and `annotate` (correct, contribute)."""
