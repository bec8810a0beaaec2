"""Settings of an app that has people of its own, and leaves its lives to a CommuniConnect Live server."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
# The server takes this app's tokens as they are: `communiconnect serve --issuer-secret ...` with the same secret.
SECRET_KEY = os.environ["APP_SECRET"]
# Where the server is, seen from browsers and from here.
LIVE_SERVER = os.environ.get("LIVE_SERVER", "https://live.example").rstrip("/")
ALLOWED_HOSTS = ["*"]
DEBUG = False
ROOT_URLCONF = "lives.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "lives"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("APP_DATABASE", BASE_DIR / "app.sqlite3")}
}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
SIMPLE_JWT = {"TOKEN_OBTAIN_SERIALIZER": "lives.tokens.NamedTokens"}
