"""Task families: where a niche's tasks come from."""
