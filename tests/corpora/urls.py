"""Addresses and URLs with what becomes of each: made by rules, so that every edge of every block is there."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

PUBLIC_V4 = ("1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.15.255.255")
"""Hosts of the open network, and some just beside a block that is not."""
MORE_PUBLIC_V4 = (
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "9.255.255.255",
)
PRIVATE_V4 = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
    192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24
    198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32
"""
PUBLIC_V6 = ("2606:2800:220:1:248:1893:25c8:1946", "2a00:1450:4001:82a::200e", "2400:cb00:2048:1::c629:d7a2")
PRIVATE_V6 = """
    ::/128 ::1/128 100::/64 100:0:0:1::/64 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28
    2001:20::/28 2001:30::/28 2001:db8::/32 2620:4f:8000::/48 3ffe::/16 3fff::/20 4000::/3 5f00::/16
    fc00::/7 fe80::/10 fec0::/10 ff00::/8 ff02::1/128 64:ff9b:1::/48 64:ff9b:2::/48
"""


def addresses() -> Iterator[tuple[str, bool]]:
    """Each with whether it is public."""
    for text in (*PUBLIC_V4, *MORE_PUBLIC_V4, *PUBLIC_V6):
        yield text, True
    for block in map(IPv4Network, PRIVATE_V4.split()):
        yield str(block[0]), False
        yield str(block[-1]), False
    for wide in map(IPv6Network, PRIVATE_V6.split()):
        yield str(wide[0]), False
        yield str(wide[-1]), False
    for network in PRIVATE_V4.split():
        yield from (
            (text, False) for text in standing_for(IPv4Network(network)[1 if "/32" not in network else 0])
        )
    for text in PUBLIC_V4[:3]:
        address = IPv4Address(text)
        yield f"::ffff:{text}", True
        yield f"64:ff9b::{text}", True
        yield six_to_four(address), True
        yield f"::{text}", False  # compatible: nobody's any more
        yield f"64:ff9b:1::{text}", False  # a network's own translation
        yield teredo(IPv4Address("1.1.1.1"), address), False


def standing_for(address: IPv4Address) -> Iterator[str]:
    """Every IPv6 address by which an IPv4 one is reached through a translator or a tunnel."""
    for prefix in ("::ffff:", "::", "::ffff:0:", "64:ff9b::", "64:ff9b:1::", "2a00:1450::5efe:"):
        yield str(IPv6Address(f"{prefix}{address}"))
    yield six_to_four(address)
    yield teredo(IPv4Address("1.1.1.1"), address)
    yield teredo(address, IPv4Address("1.1.1.1"))


def six_to_four(address: IPv4Address) -> str:
    return str(IPv6Address((0x2002 << 112) | (int(address) << 80) | 1))


def teredo(server: IPv4Address, client: IPv4Address) -> str:
    return str(IPv6Address((0x2001_0000 << 96) | (int(server) << 64) | (int(client) ^ 0xFFFF_FFFF)))


URLS: dict[str, str | None] = {
    "https://ann.test": "ann.test",
    "https://ann.test/": "ann.test",
    "HTTPS://ANN.TEST/": "ann.test",
    "http://ann.test/": "ann.test",
    "https://ann.test./": "ann.test",
    "https://ann.test?x=1": "ann.test",
    "https://ann.test#x": "ann.test",
    "https://ann.test:/": "ann.test",
    "https://ann.test:1/": "ann.test",
    "https://ann.test:443/": "ann.test",
    "https://ann.test:00443/": "ann.test",
    "https://ann.test:65535/": "ann.test",
    "https://a.b-c.d_e.test/x%20y?q=%2F&r=a@b:c": "a.b-c.d_e.test",
    "https://r3---sn-4g5e.test/": "r3---sn-4g5e.test",
    "https://xn--strae-oqa.test/": "xn--strae-oqa.test",
    "https://straße.test/": "xn--strae-oqa.test",
    "https://STRASSE.test/": "strasse.test",
    "https://faß.test/": "xn--fa-hia.test",
    "https://bücher.test/ä?ö=ü": "xn--bcher-kva.test",
    "https://bu\u0308cher.test/": "xn--bcher-kva.test",
    "https://例え.テスト/": "xn--r8jz45g.xn--zckzah",
    "https://ann。test/": "ann.test",
    "https://\uff41\uff4e\uff4e.test/": "ann.test",
    "https://an\u00adn.test/": "ann.test",
    "https://βόλος.test/": "xn--nxasmm1c.test",
    "https://\uff11\uff12\uff17.0.0.1/": "127.0.0.1",
    "https://127.0.0.1:8443/": "127.0.0.1",
    "https://[::1]/": "::1",
    "https://[::FFFF:127.0.0.1]:80/": "::ffff:127.0.0.1",
    "https://[2001:DB8::0:1]/": "2001:db8::1",
    **dict.fromkeys(
        [
            "",
            "x",
            "/x",
            "//ann.test/",
            "ann.test",
            "https:",
            "https:ann.test",
            "https:/ann.test/",
            "https://",
            "https:///x",
            "https://?x",
            "https://#x",
            "https://:443/",
            "https://.",
            "https://..",
            "https://ann..test/",
            "https://.ann.test/",
            "https://ann.test../",
            "ftp://ann.test/",
            "file:///etc/passwd",
            "gopher://ann.test/",
            "javascript:alert(1)",
            "data:text/plain,x",
            "https+x://ann.test/",
            "https://ann.test:0/",
            "https://ann.test:00000/",
            "https://ann.test:65536/",
            "https://ann.test:99999999999/",
            "https://ann.test:-1/",
            "https://ann.test:+1/",
            "https://ann.test:٤٤٣/",
            "https://ann.test:4 43/",
            "https://ann.test:x/",
            "https://ann.test:1:2/",
            "https://@ann.test/",
            "https://bob@ann.test/",
            "https://bob:secret@ann.test/",
            "https://ann.test@169.254.169.254/",
            "https://ann.test:80@10.0.0.1/",
            "https://ann.test\\@10.0.0.1/",
            "https:\\\\ann.test/",
            "https://ann.test\\x",
            " https://ann.test/",
            "https://ann.test/ ",
            "https://ann.test/a b",
            "https://an n.test/",
            "https://ann.test\t/",
            "https://ann.test/\n",
            "https://ann.test/\r\nHost: x",
            "https://ann.test/\x00",
            "https://ann\x00.test/",
            "https://ann.test/\x7f",
            "https://ann.test/\x85",
            "https://ann.test/\u2028",
            "https://ann.test/\ud800",
            "https://\ufeffann.test/",
            "https://ann%2etest/",
            "https://%31%32%37.0.0.1/",
            "https://ann.test%00.bob.test/",
            "https://ann!.test/",
            "https://ann,test/",
            "https://ann<.test/",
            "https://-ann.test/",
            "https://ann-.test/",
            "https://xn--/",
            "https://xn--a/",
            "https://xn--zz--.test/",
            "https://xn--ls8h=.test/",
            "https://xn--99999999999.test/",
            "https://xn--strasse-.test/",
            "https://xn--" + "a" * 60 + ".test/",
            "https://xn--bcher-kva8445foa.test/",
            "https://☃.test/",
            "https://a\u200db.test/",
            "https://\u0661.a\u05d0.test/",
            "https://\u0300a.test/",
            "https://127.1/",
            "https://127.0.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
            "https://127.0.0.01/",
            "https://127.0.0.256/",
            "https://1.2.3.4.5/",
            "https://ann.test.1/",
            "https://ann.0x/",
            "https://[/",
            "https://[]/",
            "https://]/",
            "https://[::1/",
            "https://::1/",
            "https://[::1]x/",
            "https://[::1]:x/",
            "https://[x]/",
            "https://[127.0.0.1]/",
            "https://[fe80::1%25eth0]/",
            "https://[fe80::1%eth0]/",
            "https://[1:2:3:4:5:6:7:8:9]/",
            "https://[v1.x]/",
            "https://" + "a" * 64 + ".test/",
            "https://" + "a." * 127 + "test/",
            "https://" + "ä" * 62 + ".test/",
            "https://" + "ä" * 8000 + "/",
            "https://ann.test/" + "a" * 8192,
            "https://ann.test/" + "\u674e" * 1000,  # nine bytes each as it is sent
        ]
    ),
}
"""Each with the host that is resolved, called and verified; None where it is refused."""
