"""Clients that send one file after the other over connections that stay open; as little work as possible.

    python benchmarks/service_clients.py PORT CLIENTS FILE...

Reads a number of requests from each line of standard input and prints seconds, the statuses met, and every latency.
Plain sockets with requests made beforehand: on the cores of the server every millisecond of a client counts.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections import Counter
from itertools import count
from pathlib import Path
from threading import Thread

HEAD = (
    "POST /api/predict/audio HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b0undary\r\n"
    "Content-Length: {}\r\n\r\n"
)
PART = b'--b0undary\r\nContent-Disposition: form-data; name="file"; filename="recording.wav"\r\n\r\n'
END = b"\r\n--b0undary--\r\n"


def request(path: str) -> bytes:
    """All bytes of a request."""
    body = PART + Path(path).read_bytes() + END
    return HEAD.format(len(body)).encode() + body


def received(connection: socket.socket, most: int) -> bytes:
    """What has arrived.

    Raises:
        ConnectionError: If the server hung up.
    """
    piece = connection.recv(most)
    if not piece:
        raise ConnectionError("the server hung up")
    return piece


def answer(connection: socket.socket) -> int:
    """Read one answer; its status."""
    held = b""
    while b"\r\n\r\n" not in held:
        held += received(connection, 65_536)
    head, _, rest = held.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    missing = next(int(line[15:]) for line in lines if line.startswith(b"content-length:")) - len(rest)
    while missing > 0:
        missing -= len(received(connection, missing))
    return int(lines[0].split()[1])


class Clients:
    """So many at the same time."""

    def __init__(self, port: int, clients: int, requests: list[bytes]) -> None:
        self._port, self._clients, self._requests = port, clients, requests

    def send(self, total: int) -> dict[str, object]:
        """Send so many requests, all clients together."""
        numbers, statuses, latencies = count(), Counter[str](), list[float]()

        def work() -> None:
            with socket.create_connection(("127.0.0.1", self._port)) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while (number := next(numbers)) < total:
                    asked = time.perf_counter()
                    connection.sendall(self._requests[number % len(self._requests)])
                    statuses[str(answer(connection))] += 1
                    latencies.append(time.perf_counter() - asked)

        threads = [Thread(target=work) for _ in range(self._clients)]
        started, cpu_s = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {
            "wall_s": time.perf_counter() - started,
            "cpu_s": time.process_time() - cpu_s,
            "statuses": dict(statuses),
            "lost": total - sum(statuses.values()),
            "latencies_s": [round(each, 5) for each in latencies],
        }


def main() -> None:
    """Answer line by line."""
    clients = Clients(int(sys.argv[1]), int(sys.argv[2]), [request(path) for path in sys.argv[3:]])
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(clients.send(int(line))), flush=True)


if __name__ == "__main__":
    main()
