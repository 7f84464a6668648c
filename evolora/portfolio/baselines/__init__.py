"""What evolved portfolios are compared with: adapters trained by the organisms' own machinery, at equal tokens."""
