"""Layout and events of the Gradio app."""
