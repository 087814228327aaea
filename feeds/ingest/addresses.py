"""What can be the address of a source: of feeds, pages and mailboxes on the network, and of folders and maildirs on this machine."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from feeds.errors import InputError
from feeds.ingest.files import folder_url
from feeds.ingest.mail import is_mailbox, mailbox_address
from feeds.text import scrub, web_url

# PostgreSQL's index on addresses takes no longer ones (a third of a page).
_LONGEST = 2000


def network_address(address: str) -> str | None:
    """The address of a feed, a page or a mail server, as it is stored; None when it is none of these.

    Raises:
        InputError: it is one, but holds a password, is too long, or is no mailbox that can be read.
    """
    scheme, colon, rest = scrub(address).strip().partition(":")
    url = f"{scheme.lower()}{colon}{rest}"
    # Some readers write the scheme by which browsers hand them feeds: feed://host/ and feed:https://host/.
    url = re.sub(r"^feed:(?=//)", "http:", re.sub(r"^feed:(?=https?:)", "", url))
    if len(url.encode()) > _LONGEST:
        raise InputError(f"the address {shown(address)} is longer than {_LONGEST} bytes")
    if is_mailbox(url) and not url.startswith("maildir:"):
        mailbox_address(url)
        return url
    known = web_url(url)
    if known and "@" in urlsplit(known).netloc:
        raise InputError(f"the address {shown(address)} holds a name or password, and everybody can see addresses")
    return known


def any_address(address: str) -> str:
    """The address under which what a person named is a source: also a maildir, and a folder by its path.

    Raises:
        InputError: it can be none.
    """
    if address.startswith("maildir:"):
        mailbox_address(address)
        return address
    url = network_address(address) or (folder_url(Path(address)) if Path(address).is_dir() else None)
    if url is None:
        raise InputError(f"{shown(address)} is neither a web address, a mailbox (imaps://… or maildir:…) nor a folder")
    return url


def shown(text: str) -> str:
    """A text as a complaint quotes it: short, on one line, and without whoever or whatever it logs in with."""
    without = re.sub(r"//[^/?#]*@", "//…@", text)
    return repr(without if len(without) <= 100 else f"{without[:100]}…")
