"""A web server for the folder of a page, with the headers that it needs."""

import functools
import http.server
import re
import socket
import urllib.parse
from pathlib import Path

from keras_gans.export import manifest as manifests

_PAGE = Path(__file__).parent / "page"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}


@functools.cache
def policy():
    """The content security policy of the page, which stands in its first lines."""
    html = (_PAGE / "index.html").read_text(encoding="utf-8")
    (said,) = re.findall(r'http-equiv="Content-Security-Policy"\s+content="([^"]*)"', html)
    return said


def server(directory, host="127.0.0.1", port=8000):
    """A server of a page's folder that listens already; `serve_forever()` answers.

    It serves the files its manifest names and no others.

    Args:
        directory: folder of a page.
        host: name or address to listen on; only this machine can reach the default.
        port: 0 takes any that is free.

    Returns:
        An `http.server.ThreadingHTTPServer`; `address(server)` is where the page is.

    Raises:
        FileNotFoundError: if the folder has no manifest.
        ValueError: if its manifest is damaged, or not of a page.
        OSError: if it cannot listen there; says what to do.
    """
    found = manifests.Manifest.read(directory)
    if found.page is None:
        raise ValueError(
            f"{directory} is an export without a page. `keras-gans export RUN --web DIR` makes one."
        )
    handler = functools.partial(
        _Handler,
        directory=str(Path(directory).resolve()),
        known=frozenset({manifests.FILE_NAME, *found.hashes}),
    )
    try:
        return _server_class(host)((host, port), handler)
    except (OSError, OverflowError) as error:
        raise OSError(
            f"Cannot listen on {host}, port {port}: {getattr(error, 'strerror', None) or error}. "
            "Choose another `--port` (0 takes a free one), or another `--host`."
        ) from None


def address(server):
    """Where a server's page is, for a browser on this machine."""
    host, port = server.server_address[:2]
    host = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _server_class(host):
    class Server(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    return Server


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extensions_map = _TYPES

    def __init__(self, *args, known, **kwargs):
        self._known = known
        super().__init__(*args, **kwargs)

    def send_head(self):
        path = urllib.parse.urlsplit(self.path).path
        name = urllib.parse.unquote(path).lstrip("/") or "index.html"
        if name not in self._known:
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return None
        self.path = "/" + urllib.parse.quote(name)
        return super().send_head()

    def end_headers(self):
        self.send_header("Content-Security-Policy", f"{policy()}; frame-ancestors 'none'")
        # These two give the page threads.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def list_directory(self, path):
        """Shows no folder."""
        self.send_error(http.HTTPStatus.NOT_FOUND)

    def version_string(self):
        return "keras-gans"

    def log_message(self, format, *args):
        """Says nothing: the browser shows what goes wrong."""
