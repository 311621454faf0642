"""PostgreSQL: many writers, pooled connections."""
