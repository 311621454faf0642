"""The product's WSGI application with group commit switched off: each append is a transaction of its own."""

from enhancelog.wsgi import application

__all__ = ["application"]

from enhancelog.store import database

database.GROUPED = 0
