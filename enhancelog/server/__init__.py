"""Worker processes, each with an event loop in front of a few threads."""
