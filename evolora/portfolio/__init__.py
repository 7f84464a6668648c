"""The organisms kept for use, and how they are measured."""
