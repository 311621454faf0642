"""What the product does in a second, against what the database could do and what others do. See ``__main__``."""
