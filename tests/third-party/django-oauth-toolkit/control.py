"""What a test can see and break, in front of the server.

  GET  /_ctl/seen      every request but these, in order: {method, path, grant, client, auth, scope, resource,
                       refresh, token, hint, fields, status, time, fault, real} (refresh and token are SHA-256
                       in hex; status is null while there is no answer, and real is that of a request which was
                       carried out although its answer was lost; time is in Unix milliseconds; no secret, no
                       token)
  POST /_ctl/reset     forgets what was seen, and the faults
  POST /_ctl/fault     {mode, match, grant, client, count, after, …} a fault for the next requests that fit;
                       the oldest that fits wins
  POST /_ctl/settings  {NAME: value} changes settings of django-oauth-toolkit
  POST /_ctl/expire    {user_code} a device code is over, although its time is not
  POST /_ctl/tokens    {client} how many living access and refresh tokens a client has: {access, refresh}

`match` is the end of a path (default /token/). `count` is how many requests it meets (default 1). With
`after` the request is carried out for real and only its answer is lost. The modes:
  status    {status: 503, retry_after}    an error of the kind that passes, with an empty body
  error     {status: 400, error: "invalid_grant"}    a no, as RFC 6749 5.2 has it; or `slow_down`, which this
            server never says (3.4.1: "TODO")
  empty     {status: 400}    a no without a word
  html      {status: 200}    a page, as a captive portal sends
  drop      the connection is closed
  redirect  {location, status: 307}    to another place
  edit      {set: {expires_in: "10", scope: null}}    the real answer with fields changed, null takes one away
"""

import base64
import hashlib
import io
import json
import socket
import threading
import time
from urllib.parse import parse_qsl, unquote_plus

CONNECTION = "tokend.connection"
BODY_LIMIT = 64 * 1024


class Control:
    """WSGI middleware."""

    def __init__(self, application):
        self.application = application
        self.lock = threading.Lock()
        self.seen = []
        self.faults = []

    def __call__(self, environ, start_response):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > BODY_LIMIT:
            return answer(start_response, Answer(413))
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        path = environ["PATH_INFO"]
        if path.startswith("/_ctl/"):
            return answer(start_response, self.control(environ["REQUEST_METHOD"], path, body))
        request = describe(environ, body)
        with self.lock:
            self.seen.append(request)
            fault = next((it for it in self.faults if it["count"] > 0 and fits(it, request)), None)
            if fault:
                fault["count"] -= 1
                request["fault"] = fault["mode"]
        given = self.given(environ, request, fault)
        if given is None:
            # It goes nowhere.
            return answer(start_response, Answer())
        request["status"] = given.status
        return answer(start_response, given)

    def given(self, environ, request, fault):
        """The answer to a request; None where the connection is cut."""
        if fault is None:
            return self.carried_out(environ)
        mode = MODES[fault["mode"]]
        if fault.get("after") or fault["mode"] == "edit":
            real = self.carried_out(environ)
            request["real"] = real.status
            return mode(environ, fault, real)
        return mode(environ, fault, None)

    def carried_out(self, environ):
        """The server's own answer."""
        kept = Answer()

        def keep(status, headers, *_):
            kept.status, kept.headers = int(status.split(" ")[0]), headers

        body = self.application(environ, keep)
        try:
            kept.body = b"".join(body)
        finally:
            if hasattr(body, "close"):
                body.close()
        return kept

    def control(self, method, path, body):
        try:
            route = getattr(self, "do_" + path.removeprefix("/_ctl/"))
            return said(200, route(**(json.loads(body) if body else {})))
        except Exception as error:
            return said(400, {"error": f"{method} {path}: {error}"})

    def do_seen(self):
        with self.lock:
            return [dict(request) for request in self.seen]

    def do_reset(self):
        with self.lock:
            self.seen.clear()
            self.faults.clear()
        return {}

    def do_fault(self, **fault):
        if fault["mode"] not in MODES:
            raise ValueError(f"mode is one of {' '.join(MODES)}")
        with self.lock:
            self.faults.append({"match": "/token/", "count": 1} | fault)
        return {}

    def do_settings(self, **changes):
        from oauth2_provider.settings import oauth2_settings

        for name, value in changes.items():
            # What is no setting raises.
            getattr(oauth2_settings, name)
            setattr(oauth2_settings, name, value)
        return {}

    def do_expire(self, user_code):
        from oauth2_provider.models import DeviceGrant

        grant = DeviceGrant.objects.get(user_code=user_code)
        grant.status = DeviceGrant.EXPIRED
        grant.save()
        return {}

    def do_tokens(self, client):
        from django.utils import timezone
        from oauth2_provider.models import AccessToken, RefreshToken

        of_client = {"application__client_id": client}
        access = AccessToken.objects.filter(**of_client, expires__gt=timezone.now())
        refresh = RefreshToken.objects.filter(**of_client, revoked=None)
        return {"access": access.count(), "refresh": refresh.count()}


class Answer:
    def __init__(self, status=200, body=b"", content_type=None, **headers):
        self.status, self.body = status, body
        self.headers = [(name.replace("_", "-"), value) for name, value in headers.items()]
        if content_type:
            self.headers.append(("Content-Type", content_type))


def said(status, value):
    return Answer(status, json.dumps(value).encode(), "application/json")


def answer(start_response, given):
    headers = [(name, value) for name, value in given.headers if name.lower() != "content-length"]
    start_response(f"{given.status} X", headers + [("Content-Length", str(len(given.body)))])
    return [given.body]


def status(_environ, fault, _real):
    again = {"Retry_After": str(fault["retry_after"])} if "retry_after" in fault else {}
    return Answer(fault.get("status", 503), **again)


def error(_environ, fault, _real):
    code = fault.get("error", "invalid_grant")
    told = {"error": code, "error_description": "a fault that the test asked for"}
    return said(fault.get("status", 400), told)


def empty(_environ, fault, _real):
    return Answer(fault.get("status", 400))


def html(_environ, fault, _real):
    page = b"<!doctype html><html><title>Sign in to the network</title></html>"
    return Answer(fault.get("status", 200), page, "text/html")


def drop(environ, _fault, _real):
    environ[CONNECTION].shutdown(socket.SHUT_RDWR)


def redirect(_environ, fault, _real):
    return Answer(fault.get("status", 307), Location=fault["location"])


def edit(_environ, fault, real):
    changed = json.loads(real.body) | fault["set"]
    real.body = json.dumps({name: value for name, value in changed.items() if value is not None}).encode()
    return real


MODES = {mode.__name__: mode for mode in [status, error, empty, html, drop, redirect, edit]}


def fits(fault, request):
    def same(key):
        return key not in fault or fault[key] == request[key]

    return request["path"].endswith(fault["match"]) and same("grant") and same("client")


def describe(environ, body):
    """The ledger's line for a request: who asked for what, without the secret."""
    is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True) if is_form else []
    form = dict(pairs)
    basic = id_of(environ.get("HTTP_AUTHORIZATION", ""))
    return {
        "time": time.time_ns() // 1_000_000,
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "grant": form.get("grant_type"),
        "client": form.get("client_id") if basic is None else basic,
        "auth": "basic" if basic is not None else "post" if "client_secret" in form else None,
        "scope": form.get("scope"),
        "resource": [value for name, value in pairs if name == "resource"],
        "refresh": digest(form.get("refresh_token")),
        "token": digest(form.get("token")),
        "hint": form.get("token_type_hint"),
        "fields": sorted(form),
        "status": None,
        "fault": None,
        "real": None,
    }


def id_of(authorization):
    """The client id of a Basic header. RFC 6749 2.3.1: form-encoded, then base64."""
    if not authorization.lower().startswith("basic "):
        return None
    pair = base64.b64decode(authorization[6:].strip()).decode("utf-8", "replace")
    return unquote_plus(pair.split(":", 1)[0])


def digest(token):
    return token and hashlib.sha256(token.encode()).hexdigest()
