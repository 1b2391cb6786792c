"""Links that differ in anything but a signature never count as one; signed again they do."""

import string
from random import Random
from urllib.parse import quote

import httpx

from character_identity.domain.errors import InvalidRequest, ProviderError
from character_identity.domain.links import without_signature
from character_identity.domain.weights_digest import link_digest
from character_identity.outbound.guard import UrlGuard
from character_identity.outbound.safe_http import SafeHttpClient
from tests.neighbours.tally import Tally

WHOLE = 5_000
STORES = {
    "S3": "X-Amz-Algorithm X-Amz-Credential X-Amz-Date X-Amz-Expires X-Amz-SignedHeaders "
    "X-Amz-Security-Token X-Amz-Signature",
    "S3 of old": "AWSAccessKeyId Expires Signature",
    "CloudFront": "Expires Signature Key-Pair-Id",
    "CloudFront by policy": "Policy Signature Key-Pair-Id Hash-Algorithm",
    "Google": "X-Goog-Algorithm X-Goog-Credential X-Goog-Date X-Goog-Expires X-Goog-SignedHeaders "
    "X-Goog-Signature",
    "Google of old": "GoogleAccessId Expires Signature",
    "Azure by policy": "sv sr si sig",
    "Azure a service": "sv st se sr sp sip spr sig",
    "Azure an account": "sv ss srt sp se st spr sig",
    "Azure a user": "skoid sktid skt ske sks skv sv se sr sp sdd saoid suoid scid sig",
    "Alibaba": "OSSAccessKeyId Expires Signature security-token",
    "Alibaba anew": "x-oss-signature-version x-oss-credential x-oss-date x-oss-expires x-oss-signature",
    "Tencent": "q-sign-algorithm q-ak q-sign-time q-key-time q-header-list q-url-param-list q-signature "
    "x-cos-security-token",
    "Huawei": "AccessKeyId Expires Signature x-obs-security-token",
    "Volcano": "X-Tos-Algorithm X-Tos-Credential X-Tos-Date X-Tos-Expires X-Tos-SignedHeaders "
    "X-Tos-Signature",
    "Supabase": "token",
    "Bunny": "token token_path expires",
    "Akamai": "hdnea",
    "Backblaze": "Authorization",
}
NAMES = (
    "id",
    "url",
    "v",
    "w",
    "path",
    "key",
    "file",
    "image",
    "q",
    "x-id",
    "versionId",
    "download",
    "fm",
    "ID",
)
AMBIGUOUS = ("expires", "policy", "se", "sp", "sv", "sr", "st", "si")
"""Names of files where nothing is signed, and of a signature beside one."""
HOSTS = (
    "files.test",
    "bücher.example",
    "xn--bcher-kva.example",
    "[2001:db8::1]",
    "192.0.2.7",
    "EXAMPLE.org",
    "a_b.test",
)
PATHS = (
    "/a.jpg",
    "/A.jpg",
    "/a%20b/c.jpg",
    "/a+b.jpg",
    "/%E6%9D%8E.png",
    "/李.png",
    "/a//b",
    "/a/../b",
    "/",
    "",
    "/a;b=1",
)

Fields = list[str]


def text(chance: Random) -> str:
    return "".join(
        chance.choice(string.ascii_letters + string.digits + "._~/+=") for _ in range(chance.randrange(6))
    )


def field_of(chance: Random, name: str) -> str:
    if chance.random() < 0.1:
        return name
    value = text(chance)
    return f"{name}={quote(value, safe='') if chance.random() < 0.3 else value.replace('=', '')}"


def base(chance: Random) -> str:
    user = chance.choice(["", "", "", "ann@", "ann:secret@"])
    port = chance.choice(["", "", ":443", ":8443", ":0"])
    scheme = chance.choice(["https", "https", "http", "HTTPS"])
    return f"{scheme}://{user}{chance.choice(HOSTS)}{port}{chance.choice(PATHS)}"


def others(chance: Random) -> Fields:
    """What a query asks for beside a signature."""
    return [field_of(chance, chance.choice(NAMES)) for _ in range(chance.randrange(4))]


def joined(address: str, fields: Fields, fragment: str = "") -> str:
    return address + (f"?{'&'.join(fields)}" if fields else "") + fragment


def signed(chance: Random, fields: Fields, names: list[str]) -> Fields:
    """Put a signature among the fields, which keep their order."""
    found = list(fields)
    for name in names:
        spelt = chance.choice([name, name, name.lower(), name.upper(), name.replace("-", "%2D", 1)])
        found.insert(chance.randrange(len(found) + 1), f"{spelt}={chance.randrange(10**9)}")
    return found


def test_signed_again_it_is_the_same(tally: Tally) -> None:
    def example(chance: Random) -> str:
        store = chance.choice([*STORES])
        address, fields, names = base(chance), others(chance), STORES[store].split()
        again = [joined(address, signed(chance, fields, names)) for _ in range(2)]
        chance.shuffle(names)
        again.append(joined(address, signed(chance, fields, names), chance.choice(["", "#top", "#?token=1"])))
        again.append(joined(address, fields))
        assert {without_signature(link) for link in again} == {joined(address, fields)}
        assert len({link_digest(link) for link in again}) == 1
        return store

    tally.try_each(WHOLE, example)


def changed(chance: Random, address: str, fields: Fields) -> tuple[str, str, Fields]:
    """The same link with one thing changed; first says what."""
    fields = list(fields)
    what = chance.choice(["address", "address", "case", "add", "remove", "twice", "swap", "value", "encode"])
    at = chance.randrange(len(fields)) if fields else 0
    place = chance.randrange(len(address) + 1)
    match what:
        case "case":
            address = address[:place] + address[place:].swapcase()
        case "encode" if fields:
            name, equals, value = fields[at].partition("=")
            fields[at] = (
                name + equals + "".join(f"%{ord(letter):02x}" for letter in value if ord(letter) < 128)
            )
        case "add":
            fields.insert(at, field_of(chance, chance.choice(["id", "n", *AMBIGUOUS])))
        case "remove" if fields:
            del fields[at]
        case "twice" if fields:
            fields.insert(at, fields[at])
        case "swap" if len(fields) > 1:
            fields[0], fields[-1] = fields[-1], fields[0]
        case "value" if fields:
            fields[at] += chance.choice("a1%")
        case _:
            letter = chance.choice("aZ0.-/")
            address = address[:place] + letter + address[place:]
    return what, address, fields


def test_with_anything_else_changed_it_is_another(tally: Tally) -> None:
    def example(chance: Random) -> str:
        address, fields = base(chance), others(chance)
        if chance.random() < 0.3:
            fields.append(field_of(chance, chance.choice(AMBIGUOUS)))
        what, other_address, other_fields = changed(chance, address, fields)
        if (address, fields) == (other_address, other_fields):
            return "unchanged"
        store = chance.choice(["", *STORES])
        names = STORES[store].split() if store else []
        if {*map(name_of, fields + other_fields)} & taken_by(store):
            return "a name of the signature's"
        one = joined(address, signed(chance, fields, names))
        other = joined(other_address, signed(chance, other_fields, names))
        assert without_signature(one) != without_signature(other), (one, other)
        assert link_digest(one) != link_digest(other)
        return what

    tally.try_each(WHOLE, example)


def taken_by(store: str) -> set[str]:
    """Names that cannot be a file's beside this signature."""
    kin = "Azure" if store.startswith("Azure") else store
    taken = {
        name.lower()
        for other, names in STORES.items()
        if kin and other.startswith(kin)
        for name in names.split()
    }
    return taken | {"expires"} if {"signature", "token"} & taken else taken


def name_of(field: str) -> str:
    return field.partition("=")[0].lower()


class Host:
    """Answers each call as a host does: with a file, with a redirect to ``next_link``, or not at all."""

    def __init__(self) -> None:
        self.next_link: str | None = None
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.next_link is None:
            return httpx.Response(200, content=b"a file")
        link, self.next_link = self.next_link, None
        return httpx.Response(302, headers=[(b"Location", link.encode("utf-8", "surrogatepass"))])


def test_any_link_is_fetched_or_refused(tally: Tally) -> None:
    host = Host()

    def resolve(name: str, port: int, timeout_s: float) -> list[str]:
        name.encode("idna")  # as the library does
        return ["127.0.0.1"] if name.endswith("org") else ["93.184.216.34"]

    client = SafeHttpClient(UrlGuard(resolve=resolve), httpx.MockTransport(host))

    def example(chance: Random) -> str:
        link = bent(chance, joined(base(chance), others(chance), chance.choice(["", "#a"])))
        host.next_link = bent(chance, base(chance)) if chance.random() < 0.3 else None
        host.asked.clear()
        assert without_signature(without_signature(link)) == without_signature(link)
        link_digest(link)
        try:
            client.fetch(link, 100)
        except InvalidRequest as refused:
            return refused.code
        except ProviderError as refused:
            return refused.code
        finally:
            for request in host.asked:
                assert request.extensions["addresses"] == ("93.184.216.34",)
                assert not request.url.userinfo
                assert "@" not in request.headers["Host"]
                assert "authorization" not in request.headers
        return "fetched"

    tally.try_each(WHOLE, example)


def bent(chance: Random, link: str) -> str:
    """Put what does not belong there into a link; half of them stay as they are."""
    if chance.random() < 0.5:
        return link
    junk = chance.choice(
        ["\0", "\n", "\t", " ", "\ud800", "[", "]", "@", ":", "\\", "%", "%zz", "\u2100", "\u0661", "."]
    )
    place = chance.randrange(len(link) + 1)
    return link[:place] + junk * chance.choice([1, 1, 70]) + link[place:]
