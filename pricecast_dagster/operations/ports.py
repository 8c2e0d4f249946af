"""Ports: whether a server of ours can listen where it is asked to, told before it starts.

Belongs here: one question to the system, and what its answer means. Not here: the servers (`cli.serve`, `orchestration.launch`).
"""

import errno
import socket

from pricecast_dagster.errors import LaunchError


def require_free(host: str, port: int, option: str) -> None:
    """Make sure that a server can listen on a port of an address.

    Args:
        option: of the command line, that names another port.

    Raises:
        LaunchError: the port is taken or reserved, or the address is none of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise LaunchError(f"There is no address {host!r}: {error}.", remedy="Choose one of this machine with --host.") from error
    # A name may stand for several addresses (localhost does); a server listens on all of them.
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            with socket.socket(family, kind, protocol) as probe:
                # As servers do it: connections that have just ended do not keep the port.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
        except OSError as error:
            raise _refused(error, host, port, option) from error


def _refused(error: OSError, host: str, port: int, option: str) -> LaunchError:
    if error.errno == errno.EADDRINUSE:
        return LaunchError(
            f"Port {port} of {host} is taken.", remedy=f"Choose another with {option}, or stop what listens there."
        )
    if error.errno == errno.EACCES:
        return LaunchError(f"Port {port} of {host} is reserved by the system.", remedy=f"Choose one from 1024 on with {option}.")
    if error.errno == errno.EADDRNOTAVAIL:
        return LaunchError(f"{host} is no address of this machine.", remedy="Choose one of this machine with --host.")
    return LaunchError(f"Port {port} of {host} cannot be listened on: {error.strerror}.", remedy=f"Choose another with {option}.")
