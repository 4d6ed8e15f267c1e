"""Addresses and the networks they may belong to."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Networks = tuple[IPv4Network | IPv6Network, ...]


def networks(given: Iterable[str]) -> Networks:
    """Raises ValueError for what is neither an address nor a network."""
    return tuple(ip_network(each, strict=False) for each in given)


def belongs(address: str, known: Networks) -> bool:
    """Whether the address lies in one of the networks; what is no address lies in none."""
    if not known:
        return False
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in known)


def client_address(peer: str, forwarded_for: str | None, proxies: Networks) -> str:
    """The address of the client: the peer's, or what trusted proxies say of it, read from the nearest one outwards."""
    if not forwarded_for or not belongs(peer, proxies):
        return peer
    address = peer
    for each in reversed(forwarded_for.split(",")):
        hop = each.strip()
        try:
            ip_address(hop)
        except ValueError:
            return address
        address = hop
        if not belongs(hop, proxies):
            return address
    return address


@lru_cache(maxsize=10_000)
def subscriber(address: str) -> str:
    """Whom an address counts for: one of IPv6 for its network of 64 bits, for that is the least that anybody is given."""
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or ip_network((int(parsed) >> 64 << 64, 64)))
