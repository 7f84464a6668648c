"""The frozen language model all organisms share."""
