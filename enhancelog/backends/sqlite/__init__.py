"""SQLite: one file, many readers, one writer at a time across all processes."""
