"""The suite. ``python3 manage.py test`` runs it whole, on SQLite and on PostgreSQL."""
