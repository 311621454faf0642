"""The one way out: the log in domain words. Nobody else reads the tables.

One selection feeds a list, its count, its chart, its export and its previous and next links, so they agree. **P** is
the highest position when a reading began; every page, count and export of that reading sees entries up to P.
"""
