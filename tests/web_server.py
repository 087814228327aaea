"""A web server on loopback that answers from a script and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """``hold`` is called before anything is answered; with ``drip`` the body comes byte by byte, with that pause in seconds; with
    ``echo`` the body is what the parameter of that name says.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hold: Callable[[], object] | None = None
    drip: float | None = None
    echo: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """``headers`` have lower-case names; ``words`` are the parameters of the address."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def words(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query))


class WebServer:
    """Answers each path with the answers scripted for it in turn, the last one again and again; everything else is 404.

    What is scripted for a path without parameters counts with all of them.
    """

    def __init__(self, host: str) -> None:
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._host = host
        self._scripts: dict[str, list[Answer]] = {}
        self._at_once = 0
        self._lock = Lock()
        self._closing = Event()
        self._server = _Server((host, 0), self)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/", host: str = "") -> str:
        """The address of a path, by another name of this host if given."""
        return f"http://{host or self._host}:{self.port}{path}"

    def script(self, path: str, *answers: Answer) -> str:
        """Sets the answers of a path and returns its address."""
        with self._lock:
            self._scripts[path] = list(answers)
        return self.url(path)

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(handler.command, handler.path, headers, handler.rfile.read(int(headers.get("content-length", "0"))))
        with self._lock:
            self.requests.append(request)
            script = self._scripts.get(handler.path) or self._scripts.get(handler.path.partition("?")[0]) or [Answer(404)]
            answer = script.pop(0) if len(script) > 1 else script[0]
            if answer.echo:
                answer = replace(answer, body=request.words.get(answer.echo, "").encode())
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if answer.hold:
                answer.hold()
            self._send(handler, answer)
        except OSError:
            pass  # the client has left
        finally:
            with self._lock:
                self._at_once -= 1

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response_only(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.drip is None and answer.status != 304 and "Content-Length" not in answer.headers:
            handler.send_header("Content-Length", str(len(answer.body)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        if answer.drip is None:
            handler.wfile.write(answer.body)
            return
        for byte in answer.body:
            if self._closing.wait(answer.drip):
                break
            handler.wfile.write(bytes([byte]))


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them
    request_queue_size = 128  # whoever comes while it is full tries again after a second

    def __init__(self, address: tuple[str, int], site: WebServer) -> None:
        self.site = site
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Binds without asking name servers what this host is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.server.site.answer(self)

    do_HEAD = do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def web_server(host: str = "127.0.0.1") -> Iterator[WebServer]:
    server = WebServer(host)
    try:
        yield server
    finally:
        server.close()
