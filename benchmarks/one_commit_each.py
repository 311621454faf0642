"""The product's WSGI application without group commit."""

from enhancelog.wsgi import application

__all__ = ["application"]

from enhancelog.store import database

database.writes_alone = lambda: True
