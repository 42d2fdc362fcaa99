"""URLs that somebody might try to make the server call what it must not."""

import ipaddress
import subprocess

LOOPBACK = [
    "127.0.0.1", "127.1", "127.0.1", "127.0.0.1.", "127.1.", "2130706433", "0x7f000001", "0x7F.0x0.0x0.0x1", "0x7f.1",
    "0177.0.0.1", "017700000001", "0177.0.0.0x1", "127.0x0.1", "127.000.000.001", "127%2e0%2e0%2e1", "%31%32%37.0.0.1",
    "0", "0.0.0.0", "00000000", "0x0", "localhost", "LOCALHOST", "localhost.", "a.localhost", "A.b.LocalHost.",
    "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[::FFFF:127.0.0.1]", "[::ffff:0.0.0.0]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[::1%25lo]", "[fe80::1%25lo]",
    "[fe80::1%lo]", "[127.0.0.1]", "user@127.0.0.1", "user:secret@127.0.0.1", "@127.0.0.1", ":@127.0.0.1",
    "example.com@127.0.0.1", "example.com%40127.0.0.1", "a@b@127.0.0.1", "example.com:80@127.0.0.1",
    "example.com\\@127.0.0.1", "127.0.0.1\\@example.com", "\u2460\u2461\u2466.0.0.1", "127\u30020\u30020\u30021",
    "loc\u0430lhost", "127.0.0.1%00.example.com", "127.0.0.1%20", " 127.0.0.1", "127.0.0.1\t",
    "\uff11\uff12\uff17.0.0.1", "127\uff0e0\uff0e0\uff0e1", "127.0.0.1\\", "127.0.0.1;", "127.0.0.1\u00ad", "127.\t0.0.1", "127.0.0.2", "127.0.1.1",
    "127.255.255.254", "[::ffff:127.0.0.2]", "[0:0::ffff:7f00:0001]", "[::1].", "[::1", "::1", "[v1.127.0.0.1]", "[::ffff:0x7f.1]", "localhost..",
]
OTHERS = [
    "10.0.0.1", "10.255.255.255", "167772161", "0xa.1", "012.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "0xc0a80101", "100.64.0.1", "100.100.100.200", "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
    "169.254.43518", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "4294967295", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[100::1]",
    "[2001:db8::1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]",
]


def hostile_urls(port):
    """That lead to this port of this machine, or to where no webhook may go; and some that are no URLs."""
    for host in LOOPBACK + OTHERS:
        for scheme in ("http", "https"):
            yield f"{scheme}://{host}:{port}/"
    for scheme in ("ftp", "file", "gopher", "dict", "ldap", "ws", "unix", "telnet"):
        yield f"{scheme}://127.0.0.1:{port}/"
    yield from ("", "/", f"//127.0.0.1:{port}/", f"127.0.0.1:{port}", f"http:127.0.0.1:{port}/",
                f"http:/127.0.0.1:{port}/", f"http:///127.0.0.1:{port}/", f"http:\\\\127.0.0.1:{port}\\",
                f"http://127.0.0.1:{port}#@example.com/", f"http://127.0.0.1:{port}?@example.com/",
                f"http://example.com#@127.0.0.1:{port}/", f"\nhttp://127.0.0.1:{port}/")


def own_addresses():
    """The addresses of this machine's interfaces, but for global ones."""
    found = []
    for line in subprocess.run(["ip", "-o", "address"], capture_output=True, text=True, check=True).stdout.splitlines():
        interface = ipaddress.ip_interface(line.split()[3])
        if not interface.ip.is_global:
            found.append(str(interface.ip) if interface.version == 4 else f"[{interface.ip}]")
    assert found
    return found
