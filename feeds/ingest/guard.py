"""Which addresses may be connected to: none inside the operator's network, unless they are allowed."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from feeds.settings import Network

REFUSAL = "this address lies in a private or reserved network; to allow it, add its network to HEALTHWIRE_ALLOW_ADDRESSES"

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# All that was ever given out for the whole internet (RFC 4291 section 2.4). What lies outside may lead back inside: site-local
# addresses, those that hold an IPv4 address (::/96), an operator's own NAT64 (64:ff9b:1::/48).
_INTERNET = ipaddress.IPv6Network("2000::/3")
# Of protocols that translate between the two (RFC 6890), and anycast to relays that were given up (RFC 7526).
_PROTOCOLS = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Guard:
    """Judges the very address that a socket is about to connect to.

    So it holds for literal addresses, names that resolve to private addresses and every hop of a redirect.
    """

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def permits(self, host: str) -> bool:
        """Whether a numeric address may be connected to."""
        address = _unwrapped(ipaddress.ip_address(host.split("%", 1)[0]))
        if any(address.version == network.version and address in network for network in self._allowed):
            return True
        if isinstance(address, ipaddress.IPv6Address):
            return address in _INTERNET and address.is_global
        return address.is_global and not address.is_multicast and not any(address in network for network in _PROTOCOLS)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to: mapped, 6to4 or through NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    translated = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None
    return address.ipv4_mapped or address.sixtofour or translated or address
