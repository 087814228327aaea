"""How much work one client may ask for: what is in memory costs nothing and does not count."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable, Sequence
from math import ceil
from threading import Lock

from feeds.settings import Network

# A minute's worth may be asked for at once.
_WINDOW = 60.0
_MOST_CLIENTS = 10_000
# Some proxies tell the port, too, which differs with every connection.
_WITH_PORT = re.compile(r"\[(.+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Limiter:
    """Token buckets (one for each client) that fill up within a minute; ``per_minute`` 0 lets everybody through."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._spent: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def wait(self, client: str) -> int:
        """The seconds that this client must wait before it may ask again; 0 if it may ask now, which counts."""
        if not self.per_minute:
            return 0
        with self._lock:
            now = self._clock()
            before, spent = self._spent.pop(client, (now, 0.0))
            rate = self.per_minute / _WINDOW
            spent = max(0.0, spent - (now - before) * rate)
            allowed = spent + 1 <= self.per_minute
            # Behind all others: the first is whoever has been quiet for longest.
            self._spent[client] = (now, spent + allowed)
            if len(self._spent) > _MOST_CLIENTS:
                self._spent.pop(next(iter(self._spent)))
        return 0 if allowed else ceil((spent + 1 - self.per_minute) / rate)


def client_of(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """Who asks: the address of the connection, or what trusted proxies say of theirs (X-Forwarded-For, nearest last).

    Of IPv6 it is the network of a subscriber (/64), who has more addresses than could be counted.
    """
    client = _address(peer)
    for hop in reversed(forwarded.split(",")):
        if not _is_in(client, proxies) or not hop.strip():
            break
        client = _address(hop.strip())
    if isinstance(client, str):
        return client[:100]
    return str(client) if client.version == 4 else str(ipaddress.ip_network((client, 64), strict=False))


def _address(said: str) -> _Address | str:
    """The address that is said; what is none stays as it is."""
    bare = _WITH_PORT.fullmatch(said)
    try:
        address = ipaddress.ip_address((bare[1] or bare[2]) if bare else said)
    except ValueError:
        return said
    # So a socket for both kinds of address tells those of IPv4, which would all be in one network.
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def _is_in(address: _Address | str, networks: Sequence[Network]) -> bool:
    return not isinstance(address, str) and any(address in network for network in networks if network.version == address.version)
