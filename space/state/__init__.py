"""What the server holds: photos, models, tokens, limits."""
