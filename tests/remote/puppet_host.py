"""A host without a mind: a process whose words and whose end come from a test, over a socket.

    python puppet_host.py SOCKET

What the client writes goes to the socket. From the socket come orders: one letter, four bytes of
length, a payload. ``w`` writes to the client, ``e`` writes to standard error, ``x`` exits with the
status in the payload, ``c`` closes standard output. The process ends with its input too.
"""

import os
import socket
import sys
import threading


def hear(link: socket.socket) -> None:
    while data := os.read(0, 1 << 16):
        link.sendall(data)
    os._exit(0)


def write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def main() -> None:
    link = socket.socket(socket.AF_UNIX)
    link.connect(sys.argv[1])
    threading.Thread(target=hear, args=(link,), daemon=True).start()
    orders = link.makefile("rb")
    while order := orders.read(1):
        payload = orders.read(int.from_bytes(orders.read(4), "little"))
        if order == b"w":
            write(1, payload)
        elif order == b"e":
            write(2, payload)
        elif order == b"c":
            os.close(1)
        else:
            os._exit(payload[0])
    os._exit(0)


if __name__ == "__main__":
    main()
