"""An OAuth server that others wrote (PyPI's django-oauth-toolkit, on oauthlib), on a loopback port, for the
tests of tokend.

  python3 -m venv venv && venv/bin/pip install -r requirements.txt
  venv/bin/python server.py        prints one line on standard output: ready http://127.0.0.1:PORT

It ends when its standard input ends, so that it outlives no test that started it, and after
MAX_LIFETIME_SECONDS.

environment             default
  PORT                  0      a port; 0 is any free one
  AT_TTL                10     seconds that an access token lives
  GRACE                 60     seconds in which a refresh token that was rotated may be sent again
  DEVICE_INTERVAL       1      seconds between two polls of a device (RFC 8628 3.2)
  MAX_LIFETIME_SECONDS  600    seconds until it ends by itself

Clients and users are in provider.py; what a test can see and break (`/_ctl/…`) is in control.py. The issuer
is `http://127.0.0.1:PORT/o`. `GET /api/whoami` is a service that takes the tokens: 200 with what the token
says, or 401.
"""

import os
import re
import shutil
import socket
import sys
import tempfile
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import control
import provider


# For its database.
FOLDER = tempfile.mkdtemp(prefix="dot")


def main():
    port = seconds("PORT", 0)
    lifetime = seconds("MAX_LIFETIME_SECONDS", 600)
    ttl, grace, interval = seconds("AT_TTL", 10), seconds("GRACE", 60), seconds("DEVICE_INTERVAL", 1)
    timer = threading.Timer(lifetime, end, [f"MAX_LIFETIME_SECONDS={lifetime} are over"])
    timer.daemon = True
    timer.start()
    threading.Thread(target=watch_standard_input, daemon=True).start()

    try:
        server = Server(("127.0.0.1", port), Handler)
        url = f"http://127.0.0.1:{server.server_port}"
        application = provider.make(url, FOLDER, ttl=ttl, grace=grace, interval=interval)
        server.set_app(control.Control(application))
        print(f"ready {url}", flush=True)
        server.serve_forever()
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


class Server(ThreadingMixIn, WSGIServer):
    """A thread a connection. The library's own threads end with the process."""

    daemon_threads = True
    request_queue_size = 128

    def server_bind(self):
        # WSGIServer asks the system for the host's name here, which may take long.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address
        self.setup_environ()

    def handle_error(self, *about):
        # Whoever hangs up, or is cut off by a fault, is none.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*about)


class Handler(WSGIRequestHandler):
    """Answers as HTTP/1.0, one request a connection, and hands that on, so that a fault can cut it."""

    def get_environ(self):
        return super().get_environ() | {control.CONNECTION: self.connection}

    def address_string(self):
        return self.client_address[0]

    def log_message(self, *_):
        pass


def watch_standard_input():
    while sys.stdin.buffer.read(4096):
        pass
    end()


def end(why=None):
    if why:
        print(f"django-oauth-toolkit: ends: {why}", file=sys.stderr, flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    # Other threads may be in the middle of a request.
    os._exit(0)


def seconds(name, fallback):
    text = os.environ.get(name) or str(fallback)
    if not re.fullmatch(r"[0-9]{1,6}", text):
        print(f"django-oauth-toolkit: {name}={text} is not a whole number", file=sys.stderr)
        sys.exit(2)
    return int(text)


if __name__ == "__main__":
    main()
