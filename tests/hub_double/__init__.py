"""A Hugging Face Hub in memory, over real HTTP, that the real client works against in tests."""
