"""Runs inside CKAN's own environment: what gunicorn serves."""

import logging
import os

from ckan.cli import CKANConfigLoader
from ckan.config.middleware import make_app

application = make_app(CKANConfigLoader(os.environ["PQRSD_CKAN_INI"]).get_config())

# CKAN's loader silences every logger that its file does not name, among them the one that counts the requests
for name in ("gunicorn.access", "gunicorn.error"):
    logging.getLogger(name).disabled = False
