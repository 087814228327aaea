"""Asks a service for one feed a hundred times a second and tells how long that took: ``python -m benchmarks.probe PORT SECONDS``.

A process of its own that reads nothing but a few bytes: what other clients have to do with what they get does not count.
"""

from __future__ import annotations

import json
import socket
import sys
import time

_REQUEST = b"GET /feeds/finance.atom HTTP/1.1\r\nHost: 127.0.0.1\r\nIf-None-Match: *\r\n\r\n"
_PAUSE = 0.01


def main(port: int, seconds: float) -> None:
    times = []
    end = time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.monotonic() < end:
            begin = time.perf_counter()
            connection.sendall(_REQUEST)
            connection.recv(4096)
            times.append(time.perf_counter() - begin)
            time.sleep(_PAUSE)
    times.sort()
    print(json.dumps({share: times[int(float(share) * len(times))] for share in ("0.5", "0.99")}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
