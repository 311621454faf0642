"""Logging and metrics, usable from every layer."""
