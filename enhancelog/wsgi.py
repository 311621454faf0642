"""The WSGI application that the workers of ``serve``, or another server, run."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "enhancelog.settings")

django.setup(set_prefix=False)

from enhancelog.maintenance import background  # noqa: E402  its models need Django set up
from enhancelog.server.utf8_requests import Utf8Handler  # noqa: E402

application = Utf8Handler()
background.start()
