"""What is measured, a module a subject. A leg is a function from a ``Bench`` to its ``Results``."""
