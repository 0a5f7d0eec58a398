"""The WSGI application, for gunicorn and other servers: ``gunicorn wsgi:application``."""

import os

from config.settings import load
from edms.app import create_app

application = create_app(load(None, os.environ))
