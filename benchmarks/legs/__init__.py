"""What is measured. A leg is a function from a ``Bench`` to its ``Results``."""
