"""Genomes, traits, heredity."""
