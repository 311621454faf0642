"""Page sizes of the lists."""

from typing import Final

LARGEST: Final = 1000  # that ``page_size`` may ask for

ENTRIES: Final = 50  # rejections, timeline and search
PATTERNS: Final = 100
TEMPLATES_OF_PATTERN: Final = 200  # where a pattern is split or merged
BLUEPRINTS: Final = 200
MATRIX: Final = 50
STORIES: Final = 50
CHANGES_OF_KEY: Final = 20
AUDIT: Final = 50
ADMIN: Final = 50

API: Final = 100  # of entries, their tail and stories, where a page is asked for without its size
API_PATTERNS: Final = LARGEST
FEED: Final = 50
CLIENT: Final = 200  # what the client asks for
