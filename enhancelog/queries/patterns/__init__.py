"""Deny patterns on the way out: which deny most, one of them, and what an id stands for.

Only templates of the rules version that is served count; see ``models.patterns``.
"""
