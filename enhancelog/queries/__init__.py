"""All reads of the log. A list, its count, chart, export and links share one selection, so they agree."""
