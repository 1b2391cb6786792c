"""The one parser of URLs that others gave us: what it returns is what is resolved, called and verified.

Names are put into ASCII by IDNA 2008 with the mapping of UTS 46, as browsers do, and stay so.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urljoin

import httpx
import idna

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.links import LONGEST_URL

LONGEST_NAME, LONGEST_LABEL = 253, 63
"""Characters of a host name and of each part of it: RFC 1035, section 2.3.4."""

_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{0,5}))?")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ufeff\ufffd\ud800-\udfff]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def parse_url(text: str) -> httpx.URL:
    """Read an absolute http or https URL. Its ``raw_host`` is the host's only spelling from here on.

    Raises:
        InvalidRequest: ``forbidden_url``: it is none, or says more than where something lies.
    """
    if len(text) > LONGEST_URL:
        raise _refused(f"it has more than {LONGEST_URL} bytes")
    if _UNPRINTABLE.search(text):
        raise _refused("it has a blank, a control character or a backslash in it")
    parts = _URL.fullmatch(text.partition("#")[0])
    if parts is None:
        raise _refused("it does not begin with https:// and a host")
    if "@" in parts["authority"]:
        raise _refused("it has a user name in it")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        raise _refused("its host or port is none")
    host, port = _host(authority["host"]), authority["port"]
    if port and not 1 <= int(port) < 2**16:
        raise _refused("its port is not between 1 and 65535")
    try:
        url = httpx.URL(f"{parts['scheme'].lower()}://{host}{f':{int(port)}' if port else ''}{parts['rest']}")
    except (httpx.InvalidURL, ValueError) as exc:
        raise _refused("its path is none") from exc
    if len(url.raw_path) > LONGEST_URL:
        raise _refused(f"it has more than {LONGEST_URL} bytes in ASCII")
    return url


def redirected(url: httpx.URL, location: str) -> httpx.URL:
    """Return where a redirect leads; servers write blanks into paths. Raises as ``parse_url``."""
    if len(location) > LONGEST_URL:
        raise _refused(f"it has more than {LONGEST_URL} bytes")
    location = location.replace(" ", "%20")
    if _UNPRINTABLE.search(location):
        raise _refused("it has a control character or a backslash in it")
    try:
        target = urljoin(str(url.copy_with(fragment=None)), location)
    except ValueError as exc:
        raise _refused("its host is none") from exc
    return parse_url(target)


def host_of(url: httpx.URL) -> str:
    """Return the host as it is resolved, called and verified: ASCII, lower case; IPv6 without brackets."""
    return url.raw_host.decode("ascii")


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            return f"[{IPv6Address(text[1:-1])}]" if "%" not in text else _no_host()
        except AddressValueError:
            return _no_host()
    if len(text) > 4 * LONGEST_NAME:  # what takes long to be refused is refused at once
        return _no_host()
    try:
        name = idna.uts46_remap(text, std3_rules=False, transitional=False).removesuffix(".")
        labels = [_label(label) for label in name.split(".")]
    except (idna.IDNAError, UnicodeError, ValueError):
        return _no_host()
    host = ".".join(labels)
    if len(host) > LONGEST_NAME:
        return _no_host()
    if _NUMBER.fullmatch(labels[-1]):  # read as an address in other systems, and by many resolvers here
        try:
            return str(IPv4Address(host))
        except AddressValueError:
            return _no_host()
    return host


def _label(label: str) -> str:
    """Return a part of a name in ASCII, lower case; an underscore is in the names of some buckets."""
    if label.isascii() and not label.startswith("xn--"):
        if not _LABEL.fullmatch(label) or len(label) > LONGEST_LABEL:
            raise ValueError("no part of a name")
        return label
    encoded = idna.alabel(idna.ulabel(label)).decode("ascii")
    if label.isascii() and encoded != label:
        raise ValueError("another spelling of a name")
    return encoded


def _no_host() -> str:
    raise _refused("its host is no name and no address")


def _refused(reason: str) -> InvalidRequest:
    return InvalidRequest(f"That is not an address that can be called: {reason}.", code="forbidden_url")
