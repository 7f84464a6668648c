"""Niches, tasks and the encounters they offer."""
