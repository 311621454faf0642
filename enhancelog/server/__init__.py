"""How this product is served: worker processes, and in each an event loop in front of a few threads.

A thread runs Python and nothing else. The event loop receives requests, waits, and sends responses, so a slow client
holds a connection but no thread.
"""
