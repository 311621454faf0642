"""Reads deny patterns, of the served rules version only."""
