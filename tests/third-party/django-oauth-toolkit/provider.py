"""The server itself: Django's settings, the clients, the user, and a service that takes the tokens. A further
client is a line in `clients()`."""

import os

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

USER = ("alice", "wonder land+1%")
REDIRECT = "http://127.0.0.1/ http://127.0.0.1/callback"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
# Known, but given to nobody who does not ask: `openid` brings an id token.
SCOPES = {"openid": "Who you are", "read": "Read", "write": "Write", "introspection": "Look at tokens"}


def clients():
    """One a client: id, secret (none for a public one), grant, how its id tokens are signed."""
    return [
        # Its id and its secret are form-encoded before Basic (RFC 6749 2.3.1): `%41` turns into `A`, `+` into
        # a space.
        ("svc:odd/id", "p%41ss+w=r&d/:~ x", "client-credentials", ""),
        ("svc-post", "post-secret", "client-credentials", ""),
        ("app-password", "app-secret", "password", "RS256"),
        ("app-password-public", None, "password", "RS256"),
        ("tv", None, DEVICE_CODE, "RS256"),
        ("tv-secret", "tv:secret", DEVICE_CODE, "RS256"),
        ("app-code", None, "authorization-code", "RS256"),
        ("app-code-secret", "code-secret", "authorization-code", "RS256"),
        # Signed with its secret, which is therefore kept as it is.
        ("app-code-hs", "0123456789abcdef0123456789abcdef", "authorization-code", "HS256"),
    ]


def make(url, folder, ttl, grace, interval):
    """The WSGI application. `url` is where it is reached; the times are in seconds."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        SECRET_KEY=os.urandom(32).hex(),
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        LOGIN_URL="/login/",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                    ],
                    "loaders": [
                        ("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN_PAGE}),
                        "django.template.loaders.app_directories.Loader",
                    ],
                },
            }
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": os.path.join(folder, "db.sqlite3"),
                # Threads write side by side; what a crash would do to the file is no concern.
                "OPTIONS": {
                    "timeout": 20,
                    "transaction_mode": "IMMEDIATE",
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
                },
            }
        },
        # The tables as they are now, without the steps that led there.
        MIGRATION_MODULES=dict.fromkeys(["auth", "contenttypes", "sessions", "oauth2_provider"]),
        PASSWORD_HASHERS=[f"{__name__}.FewRounds"],
        # What is a fault of this program is seen; what the library warns of is wanted here.
        LOGGING={
            "version": 1,
            "handlers": {"errors": {"class": "logging.StreamHandler", "level": "ERROR"}},
            "root": {"handlers": ["errors"]},
        },
        OAUTH2_PROVIDER={
            "SCOPES": SCOPES,
            "DEFAULT_SCOPES": ["read"],
            "ACCESS_TOKEN_EXPIRE_SECONDS": ttl,
            "REFRESH_TOKEN_EXPIRE_SECONDS": 3600,
            "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": grace,
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
            "ROTATE_REFRESH_TOKEN": True,
            "PKCE_REQUIRED": True,
            "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
            # RFC 9207.
            "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
            "OIDC_ENABLED": True,
            "OIDC_ISS_ENDPOINT": f"{url}/o",
            "OIDC_RSA_PRIVATE_KEY": new_key(),
            "OAUTH_DEVICE_VERIFICATION_URI": f"{url}/o/device/",
            "OAUTH_DEVICE_VERIFICATION_URI_COMPLETE": lambda code: f"{url}/o/device/?user_code={code}",
            "DEVICE_FLOW_INTERVAL": interval,
            # A test changes settings while the server runs.
            "ALWAYS_RELOAD_OAUTHLIB_CORE": True,
        },
    )
    django.setup()

    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", run_syncdb=True, verbosity=0)
    populate()
    return get_wsgi_application()


def populate():
    from django.contrib.auth import get_user_model
    from oauth2_provider.models import get_application_model

    name, password = USER
    get_user_model().objects.create_user(name, password=password)
    for client_id, secret, grant, algorithm in clients():
        get_application_model().objects.create(
            client_id=client_id,
            name=client_id,
            client_type="confidential" if secret else "public",
            client_secret=secret or "",
            hash_client_secret=algorithm != "HS256",
            authorization_grant_type=grant,
            algorithm=algorithm,
            redirect_uris=REDIRECT if grant == "authorization-code" else "",
        )


def new_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*form).decode()


LOGIN_PAGE = """<!doctype html><title>Log in</title>
<form method="post">{% csrf_token %}{{ form }}<button>Log in</button></form>"""


def __getattr__(name):
    """What Django asks this module for once it is set up: the URLs, and how secrets are hashed."""
    if name == "urlpatterns":
        from django.contrib.auth.views import LoginView
        from django.urls import include, path
        from oauth2_provider.urls import app_name, metadata_urlpatterns

        return [
            path("o/", include("oauth2_provider.urls")),
            # RFC 8414 3.1: before the issuer's path.
            path("", include((metadata_urlpatterns, app_name), namespace="metadata")),
            path("login/", LoginView.as_view()),
            path("api/whoami", whoami),
        ]
    if name == "FewRounds":
        from django.contrib.auth.hashers import PBKDF2PasswordHasher

        # A million rounds a request would be half a second each.
        return type("FewRounds", (PBKDF2PasswordHasher,), {"iterations": 100})
    raise AttributeError(name)


def whoami(request):
    """A service that takes the tokens."""
    from django.http import JsonResponse
    from oauth2_provider.oauth2_backends import get_oauthlib_core

    live, seen = get_oauthlib_core().verify_request(request, scopes=[])
    if live:
        token = seen.access_token
        user = token.user and token.user.get_username()
        return JsonResponse({"client": token.application.client_id, "user": user, "scope": token.scope})
    response = JsonResponse({"error": "invalid_token"}, status=401)
    response["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return response
