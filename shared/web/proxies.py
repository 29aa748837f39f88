"""From where a request comes: the nearest address that no trusted proxy stands for.

What a request says of its way here is believed as far back as trusted proxies have written it. A
proxy adds at the right end the address that it was called from; all left of what the outermost
trusted one added is the caller's own word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from multidict import CIMultiDict, CIMultiDictProxy

Headers = CIMultiDict[str] | CIMultiDictProxy[str]
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's word, no secret
_PAIR = rf'{_TOKEN}=(?:{_TOKEN}|"(?:[^"\\]|\\.)*")'
_ELEMENT = re.compile(rf"\s*{_PAIR}(?:\s*;\s*{_PAIR})*\s*;?\s*")
_FOR = re.compile(rf'(?:^|;)\s*for=(?:({_TOKEN})|"([^"\\]*)")\s*(?=;|$)', re.IGNORECASE)
_BRACKETED = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9A-Za-z._-]+)?")
_WITH_PORT = re.compile(r"([0-9.]+):[0-9A-Za-z._-]+")


class ProxyHeader(StrEnum):
    """The header in which the proxies write; the other one is whatever a caller makes of it."""

    X_FORWARDED_FOR = "X-Forwarded-For"
    FORWARDED = "Forwarded"


class TrustedProxies:
    """The proxies whose word about a caller's address is taken; none: nobody's.

    Args:
        networks: that the proxies call from.
        header: in which they write.
    """

    def __init__(
        self,
        networks: Sequence[Network] = (),
        header: ProxyHeader = ProxyHeader.X_FORWARDED_FOR,
    ) -> None:
        self._networks = tuple(networks)
        self._header = header

    def caller_of(self, remote: str | None, headers: Headers) -> str | None:
        """Return the address of who sent a request; as written, if it is no address of a network.

        A trusted proxy that names no address ("unknown", a made-up name, garbage) is the farthest
        that can be known, so that its own address is told.

        Args:
            remote: the address that the connection comes from.
        """
        peer = None if remote is None else address_in(remote.partition("%")[0])
        if peer is None:
            return remote
        caller, hops = peer, self._hops(headers)
        while self._trusts(caller):
            hop = next(hops, None)
            if hop is None:
                break
            caller = hop
        return str(caller)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _hops(self, headers: Headers) -> Iterator[Address | None]:
        """Yield the addresses that the header names, the nearest first; None for what is none."""
        written = ",".join(headers.getall(self._header, ()))
        # From the right, at every comma: an open quotation mark of the caller's at the left end
        # must not swallow what a proxy wrote behind it.
        for element in reversed(written.split(",")):
            is_forwarded = self._header is ProxyHeader.FORWARDED
            yield address_in(node_in(element) if is_forwarded else element.strip())


def node_in(element: str) -> str:
    """Return the node that an element of `Forwarded` is `for`; empty: none, or it is malformed."""
    named = _FOR.findall(element) if _ELEMENT.fullmatch(element) else []
    return "".join(named[0]) if len(named) == 1 else ""


def address_in(node: str) -> Address | None:
    """Return the address of a node (RFC 7239: with or without port), or None if it is none."""
    match = _BRACKETED.fullmatch(node) or _WITH_PORT.fullmatch(node)
    bare = match[1] if match else node
    if "%" in bare:
        return None  # A zone means something on the machine that wrote it only.
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def networks_in(text: str) -> tuple[Network, ...]:
    """Return the networks of a comma-separated list, such as "10.0.0.0/8, fd00::/8, 192.0.2.7".

    Raises:
        ValueError: one is no network, or has bits of a host in it.
    """
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())
