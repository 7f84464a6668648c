"""Artificial life whose organisms are LoRA adapters living in a frozen language model."""

__version__ = "0.1.0"
