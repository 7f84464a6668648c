"""Task families: our own, reasoning-gym's and users' plug-ins, all behind one protocol.

To add a family of our own, put one file into `own/` (see `own/__init__.py`); nothing else has to change.
"""
