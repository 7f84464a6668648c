"""Organisms that travel."""
