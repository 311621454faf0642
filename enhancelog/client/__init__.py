"""Clients of a server. No Django."""
