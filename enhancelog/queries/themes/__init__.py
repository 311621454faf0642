"""What denials of axes in prose say: the only readers of the themes' tables."""
