"""The log in plain Python, without Django."""
