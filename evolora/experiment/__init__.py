"""Experiments from files: arms times seeds, each cell done once, and what follows from all of them."""
