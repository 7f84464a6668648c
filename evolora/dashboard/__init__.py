"""The live view of runs in a browser. It reads run folders and nothing else, and never writes."""
