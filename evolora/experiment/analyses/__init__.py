"""What can be made of an experiment's results: a file each, named as experiment files name it."""
