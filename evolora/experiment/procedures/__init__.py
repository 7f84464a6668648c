"""What can be done for a cell: a file each, named as experiment files name it."""
