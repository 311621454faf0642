"""The WSGI application that the workers of ``serve``, or another server, run."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "enhancelog.settings")

application = get_wsgi_application()

from enhancelog.maintenance import pattern_worker  # noqa: E402  its models need Django set up

pattern_worker.start()
