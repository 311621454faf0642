"""Enhancelog: a self-hosted dashboard for enhance history."""

__version__ = "0.2.0.dev0"
