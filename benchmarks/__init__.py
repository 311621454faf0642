"""Throughput against the bare database driver and other products. See ``__main__``."""
