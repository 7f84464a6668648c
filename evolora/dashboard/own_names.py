"""By which names a server on this machine is rightly asked.

The Host check keeps another site's page out whose name has been pointed at this machine (DNS rebinding): such a page
cannot choose the Host its browser sends.
"""

from ipaddress import ip_address

LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERY_ADDRESS = ("0.0.0.0", "::")


class OwnNames:
    """The names of a server that listens on `listening`: that one and those that only reach this machine.

    Where it listens on every address a numeric address is right too, since a name is what rebinding needs.
    """

    def __init__(self, listening: str) -> None:
        self._names = frozenset((*LOOPBACK, listening.lower()))
        self._any_address = listening in EVERY_ADDRESS

    def hold(self, header: str) -> bool:
        """Whether a Host header names this server."""
        name = host_name(header)
        return name in self._names or (self._any_address and _is_address(name))


def host_name(header: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    name = header.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
