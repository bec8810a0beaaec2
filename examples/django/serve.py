"""Makes the app's database, adds one person to it, and serves: `APP_SECRET=... LIVE_SERVER=https://live.example python serve.py 8000`.

A real app has its own people, migrations and server; what matters is in `lives/`.
"""

import os
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lives.settings")

import django  # noqa: E402

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402


class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


call_command("migrate", verbosity=0)
if not User.objects.filter(username="awa").exists():
    User.objects.create_user("awa", password="une phrase assez longue", first_name="Awa", last_name="Ndiaye")
port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
server = make_server("127.0.0.1", port, get_wsgi_application(), server_class=Threaded)
print(f"ready http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
