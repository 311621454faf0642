"""All reads of the log, in domain terms.

A list, its count, chart, export and links share one selection, so they agree. **P** is the highest position when
a reading starts; every page of it sees entries up to P.
"""
