"""What answers cost the server, beside nginx with the same bytes as files and plain Flask under gunicorn: ``python -m benchmarks.serving``.

One worker each. Requests come one after the other on a few kept connections; what counts is the CPU time of the server, so it does not
matter how fast they come.
"""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.helpers import ROOT, free_port, peers_python
from benchmarks.usage import usage

_SECONDS = 3.0
_CONNECTIONS = 16
_FEED = "/feeds/all.atom"
_NGINX = """
worker_processes 1; pid {folder}/pid; error_log {folder}/errors; daemon off;
events {{}}
http {{
    access_log off; default_type application/atom+xml; sendfile on; keepalive_requests 100000000; gzip_static on;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen 127.0.0.1:{port}; root {folder}/html; }}
}}
"""
_FLASK = """
    from pathlib import Path
    from flask import Flask, Response, request
    app, body = Flask(__name__), Path("{file}").read_bytes()
    packed = Path("{file}.gz").read_bytes()

    @app.get("{feed}")
    def feed():
        zipped = "gzip" in request.headers.get("Accept-Encoding", "")
        response = Response(packed if zipped else body, content_type="application/atom+xml")
        if zipped:
            response.headers["Content-Encoding"] = "gzip"
        response.set_etag("feed-gzip" if zipped else "feed")
        return response.make_conditional(request)
"""


class Client:
    """Kept connections to one server on loopback."""

    def __init__(self, port: int) -> None:
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(_CONNECTIONS)]

    def close(self) -> None:
        for each in self._sockets:
            each.close()

    def get(self, path: str, headers: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
        """The headers of the answer, names in lower case with ``:status`` among them, and all of its bytes."""
        connection = self._sockets[0]
        connection.sendall(_request(path, headers))
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        head = received.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        said = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        said[":status"] = head[0].split()[1]
        length = 0 if said[":status"] == "304" else int(said["content-length"])
        while len(received.split(b"\r\n\r\n", 1)[1]) < length:
            received += connection.recv(65536)
        return said, received

    def requests(self, path: str, headers: Mapping[str, str]) -> int:
        """How often the path is answered within some seconds; all answers are as long as the first."""
        # The first answer may have been made for us; all others come from wherever answers are kept.
        self.get(path, headers)
        length = len(self.get(path, headers)[1])
        request = _request(path, headers)
        end, done = time.monotonic() + _SECONDS, 0
        while time.monotonic() < end:
            for each in self._sockets:
                each.sendall(request)
            for each in self._sockets:
                left = length
                while left > 0:
                    received = len(each.recv(left))
                    if not received:
                        raise ConnectionError(f"the server closed the connection amid answers to {path}")
                    left -= received
            done += len(self._sockets)
        return done


def _request(path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def main() -> None:
    print("Answers per second of the server's CPU, one worker each\n")
    with TemporaryDirectory() as name, ExitStack() as held:
        folder = Path(name)
        port = free_port()
        ours = held.enter_context(healthwire(folder, port))
        client = Client(port)
        rows = {f"feed, {kind}": figure for kind, figure in _kinds(client, ours).items()}
        rows |= {"JSON, gzip": _rate(client, ours, "/api/v1/stories", {"Accept-Encoding": "gzip"})}
        rows |= {"page, gzip": _rate(client, ours, "/", {"Accept-Encoding": "gzip"})}
        file = folder / "html" / _FEED.lstrip("/")
        file.parent.mkdir(parents=True)
        file.write_bytes(client.get(_FEED, {})[1].split(b"\r\n\r\n", 1)[1])
        Path(f"{file}.gz").write_bytes(gzip.compress(file.read_bytes(), 6))
        client.close()
        beside = {"nginx": _beside_nginx(folder), "gunicorn": _beside_gunicorn(folder, file)}
    print(f"{'':16}{'ours':>10}{'nginx':>10}{'ratio':>8}{'gunicorn':>10}{'ratio':>8}")
    for kind, figure in rows.items():
        others = [beside[name].get(kind.removeprefix("feed, ")) for name in ("nginx", "gunicorn")]
        cells = [f"{each:10,.0f}{figure / each:7.2f}x" if each else f"{'-':>10}{'':8}" for each in others]
        print(f"{kind:16}{figure:10,.0f}{''.join(cells)}")


def _kinds(client: Client, pid: int) -> dict[str, float]:
    """The feed whole, packed, and unchanged since last time."""
    packed = {"Accept-Encoding": "gzip"}
    known = packed | {"If-None-Match": client.get(_FEED, packed)[0]["etag"]}
    return {kind: _rate(client, pid, _FEED, headers) for kind, headers in {"plain": {}, "gzip": packed, "304": known}.items()}


def _rate(client: Client, pid: int, path: str, headers: Mapping[str, str]) -> float:
    before = usage(pid)
    done = client.requests(path, headers)
    return done / usage(pid).since(before).cpu


def _beside_nginx(folder: Path) -> dict[str, float]:
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        return {}
    port = free_port()
    settings = folder / "nginx.conf"
    settings.write_text(_NGINX.format(folder=folder, port=port))
    return _measured([program, "-e", str(folder / "errors"), "-c", str(settings)], port)


def _beside_gunicorn(folder: Path, file: Path) -> dict[str, float]:
    python = peers_python()
    if python is None:
        return {}
    (folder / "plain_flask.py").write_text(textwrap.dedent(_FLASK.format(file=file, feed=_FEED)))
    port = free_port()
    command = [str(python), "-m", "gunicorn", "--chdir", str(folder), "-b", f"127.0.0.1:{port}", "-k", "gthread", "--threads", "4"]
    return _measured([*command, "--keep-alive", "75", "--log-level", "error", "plain_flask:app"], port)


def _measured(command: Sequence[str], port: int) -> dict[str, float]:
    with _running(command, port) as pid:
        client = Client(port)
        try:
            return _kinds(client, pid)
        finally:
            client.close()


@contextmanager
def healthwire(folder: Path, port: int) -> Iterator[int]:
    """The web role on a database with the sample newsletters in it."""
    environ = os.environ | {"HEALTHWIRE_DATA_DIR": str(folder / "data"), "HEALTHWIRE_BIND": f"127.0.0.1:{port}"}
    program = [sys.executable, "service.py"]
    letters = sorted(map(str, (ROOT / "seeds" / "newsletters").iterdir()))
    subprocess.run([*program, "read", *letters], env=environ, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    with _running([*program, "web"], port, environ) as pid:
        yield pid


@contextmanager
def _running(command: Sequence[str], port: int, environ: Mapping[str, str] | None = None) -> Iterator[int]:
    process = subprocess.Popen(command, env=environ, cwd=ROOT)  # noqa: S603
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


if __name__ == "__main__":
    main()
