"""The rules of living: energy, death, birth."""
