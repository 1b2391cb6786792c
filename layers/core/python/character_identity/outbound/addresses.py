"""Public addresses, by the registries of IANA: Python's own notion of them changes with its version.

An IPv6 address may stand for IPv4 ones, which a translator or a tunnel on the way takes out of it. It is
public when it and all of them are.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

SPECIAL_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private use
        "100.64.0.0/10",  # shared by a carrier's customers; where some clouds keep their own services
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local; where clouds tell credentials
        "172.16.0.0/12",  # private use
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private use
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and limited broadcast
    )
)
"""IANA IPv4 Special-Purpose Address Registry (2025-10-09), and multicast of the IPv4 Address Space Registry.

https://www.iana.org/assignments/iana-ipv4-special-registry, read 2026-11-28. Blocks that the registry calls
globally reachable are here too where no web server lives in them: AS112, AMT, and all of 192.0.0.0/24.
"""

GLOBAL_V6 = IPv6Network("2000::/3")
"""All that IANA has given out for use in the open network.

IANA IPv6 Address Space Registry, https://www.iana.org/assignments/ipv6-address-space, read 2026-11-28. So
unspecified, loopback, ULA (fc00::/7), link-local (fe80::/10), site-local (fec0::/10), multicast (ff00::/8),
discard-only (100::/64), SRv6 (5f00::/16) and what is reserved need no rows.
"""

SPECIAL_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # IETF protocol assignments: Teredo, benchmarks, ORCHID, AMT, AS112
        "2001:db8::/32",  # documentation
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # 6bone, given back (RFC 3701)
        "3fff::/20",  # documentation
    )
)
"""IANA IPv6 Special-Purpose Address Registry (2025-10-09), what of it lies in GLOBAL_V6.

https://www.iana.org/assignments/iana-ipv6-special-registry, read 2026-11-28.
"""

MAPPED = IPv6Network("::ffff:0:0/96")
COMPATIBLE = IPv6Network("::/96")
TRANSLATED = IPv6Network("::ffff:0:0:0/96")  # SIIT, RFC 2765
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")  # RFC 8215: a network's own translation, of whatever length
SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056
TEREDO = IPv6Network("2001::/32")  # RFC 4380
ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})  # RFC 5214: the word before the IPv4 address


def is_public(address: Address) -> bool:
    """Say whether an address is one of the open network, whatever stands between us and it."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in SPECIAL_V4)
    embedded = list(embedded_in(address))
    if address in NAT64 or address in SIX_TO_FOUR or address in MAPPED:
        return all(map(is_public, embedded))
    special = address not in GLOBAL_V6 or any(address in block for block in SPECIAL_V6)
    return not special and all(map(is_public, embedded))


def is_loopback(address: Address) -> bool:
    """Say whether an address is this machine's own: 127.0.0.0/8, ``::1``, or the first one mapped."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def embedded_in(address: IPv6Address) -> Iterator[IPv4Address]:
    """Every IPv4 address that an IPv6 address stands for."""
    value = int(address)
    last = IPv4Address(value & 0xFFFF_FFFF)
    if any(address in block for block in (MAPPED, COMPATIBLE, TRANSLATED, NAT64, NAT64_LOCAL)):
        yield last
    elif address in SIX_TO_FOUR:
        yield IPv4Address(value >> 80 & 0xFFFF_FFFF)
    elif address in TEREDO:
        yield IPv4Address(value >> 64 & 0xFFFF_FFFF)
        yield IPv4Address(int(last) ^ 0xFFFF_FFFF)
    if value >> 32 & 0xFFFF_FFFF in ISATAP:
        yield last
