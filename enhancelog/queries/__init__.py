"""All reads of the log. A list, its count and export share one selection, so they agree."""
