"""A web server for the folder of a page, with the headers that it needs."""

import functools
import hashlib
import http.server
import io
import ipaddress
import re
import socket
import urllib.parse
from pathlib import Path, PurePosixPath

from keras_gans.export import manifest as manifests
from keras_gans.utils.files import open_plain
from keras_gans.web import folder as folders

_TIMEOUT = 30  # seconds a browser may take between two parts of what it asks
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

    It serves the files its manifest names and no others, as they were when it began: they are read
    then, compared with their hashes, and held. Browsers are answered under the server's own names
    only, so that no page from elsewhere can read these through a name that it had changed.

    Args:
        directory: folder of a page.
        host: name or address to listen on; only this machine can reach the default.
        port: 0 takes any that is free.

    Returns:
        An `http.server.ThreadingHTTPServer`; `address(server)` is where the page is.

    Raises:
        FileNotFoundError: if the folder has no manifest.
        ValueError: if its manifest is damaged, not of a page, or of one of another version; if a
            file is not what the manifest says, or no plain file; or if `host` is empty.
        OSError: if it cannot listen there; says what to do.
    """
    found = manifests.Manifest.read(directory)
    if found.page is None:
        raise ValueError(
            f"{directory} is an export without a page. `keras-gans export RUN --web DIR` makes one."
        )
    if not host:
        raise ValueError(
            "`host` is empty, which would let every machine in. Use 127.0.0.1 for this one, or "
            "0.0.0.0 for all."
        )
    if name := folders.foreign(found):
        raise ValueError(
            f"{directory} is no page of this keras_gans: {name} is missing, or another file. "
            "`keras-gans export RUN --web DIR --overwrite` makes it again."
        )
    handler = functools.partial(_Handler, held=_held(Path(directory), found), names=_names(host))
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


def _held(directory, manifest):
    """`{name: (bytes, their hash)}` of all there is to serve."""
    with open_plain(directory / manifests.FILE_NAME) as file:
        content = file.read()
    held = {manifests.FILE_NAME: (content, hashlib.sha256(content).hexdigest())}
    for name, size in manifest.sizes.items():
        with open_plain(directory / name, most=size) as file:
            content = file.read(size + 1)
        digest = hashlib.sha256(content).hexdigest()
        if digest != manifest.hashes[name]:
            raise ValueError(
                f"{directory / name} is not the file that its manifest names. Make the page again: "
                "`keras-gans export RUN --web DIR --overwrite`."
            )
        held[name] = content, digest
    return held


def _names(host):
    """Names under which browsers may ask; None for any, where all machines are let in."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return frozenset({host.lower(), "localhost"})
    if address.is_unspecified:
        return None
    local = {"localhost", "127.0.0.1", "::1"} if address.is_loopback else set()
    return frozenset({str(address), *local})


def _server_class(host):
    class Server(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def handle_error(self, request, client_address):
            """Says nothing: a browser that is closed breaks its connections."""

    return Server


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT

    def __init__(self, *args, held, names, **kwargs):
        self._held, self._names = held, names
        super().__init__(*args, **kwargs)

    def send_head(self):
        if not self._is_ours():
            self.send_error(http.HTTPStatus.MISDIRECTED_REQUEST)
            return None
        try:
            path = urllib.parse.urlsplit(self.path).path
        except ValueError:
            self.send_error(http.HTTPStatus.BAD_REQUEST)
            return None
        name = urllib.parse.unquote(path).lstrip("/") or "index.html"
        if name not in self._held:
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return None
        content, digest = self._held[name]
        tag = f'"{digest}"'
        same = self.headers.get("If-None-Match") == tag
        self.send_response(http.HTTPStatus.NOT_MODIFIED if same else http.HTTPStatus.OK)
        self.send_header("ETag", tag)
        if not same:
            kind = _TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return None if same else io.BytesIO(content)

    def _is_ours(self):
        """Whether the browser asks under a name of this server."""
        if self._names is None:
            return True
        try:
            asked = urllib.parse.urlsplit(f"//{self.headers.get('Host', '')}")
            return (asked.hostname or "").lower() in self._names
        except ValueError:
            return False

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

    def version_string(self):
        return "keras-gans"

    def log_message(self, format, *args):
        """Says nothing: the browser shows what goes wrong."""
