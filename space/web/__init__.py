"""What the browser runs: Gradio components, their scripts, and the bundler."""
