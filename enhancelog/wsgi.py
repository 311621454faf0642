"""The WSGI application that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

from enhancelog import pattern_worker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "enhancelog.settings")

application = get_wsgi_application()

pattern_worker.start()
