"""Evolved organisms in use: asked in a terminal or over HTTP, answering in one bank."""
