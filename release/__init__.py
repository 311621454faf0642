"""How releases are built; not part of what is installed."""
