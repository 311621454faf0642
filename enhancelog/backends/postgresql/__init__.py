"""PostgreSQL: many writers, a connection a thread."""
