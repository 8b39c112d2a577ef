"""What each action of the app does, without Gradio."""
