"""The WSGI application that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

from enhancelog.slow_bodies import with_patience

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "enhancelog.settings")

application = with_patience(get_wsgi_application())
