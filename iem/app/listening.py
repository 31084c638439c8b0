"""The socket that the page's server listens on."""

import socket
import sys

HOST = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A socket of this machine alone; 0 takes any free port.

    Raises:
        OSError: the port is taken, or forbidden.
    """
    # asyncio sends small answers at once (TCP_NODELAY) only where the protocol is named; else each takes 40 ms
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # there it would share a port that is in use
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, port))
        sock.listen(128)
        sock.set_inheritable(False)
    except BaseException:
        sock.close()
        raise
    return sock
