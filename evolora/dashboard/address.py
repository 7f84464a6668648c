"""Where the dashboard listens, and opening its page. Nothing heavy is imported here: a run needs only this."""

import os
import socket
import sys
import webbrowser

from evolora.errors import RunFolderError

HERE = "127.0.0.1"
PORT = 8765
PORTS_TRIED = 20


def listen_on(host: str = HERE, port: int | None = None) -> socket.socket:
    """A listening socket at a port, or at the first free one from `PORT` on.

    Raises:
        RunFolderError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ports = [port] if port is not None else [*range(PORT, PORT + PORTS_TRIED), 0]
    for number in ports:
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, number))
            listening.listen(128)
        except (socket.gaierror, UnicodeError, TypeError) as error:
            listening.close()
            raise RunFolderError(
                f"--host {host}: expected an address of this machine, got {error}; use 127.0.0.1, or leave it out"
            ) from error
        except OSError as error:
            listening.close()
            if number == ports[-1]:
                raise RunFolderError(
                    f"expected to listen on {host}, port {number}, got {error.strerror or error}; choose another --port"
                ) from error
            continue
        return listening
    raise AssertionError("the last port either listens or raises")


def address_of(listening: socket.socket) -> str:
    """The address to open in a browser."""
    host, port = listening.getsockname()[:2]
    name = HERE if host == "0.0.0.0" else "[::1]" if host == "::" else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/"


def show_page(address: str) -> None:
    """Open the page in a browser, where there is a screen: not as text in this terminal."""
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)
