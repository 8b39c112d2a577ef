"""A Hugging Face Hub in memory: the real client talks to it over HTTP in tests."""
