"""Unary gRPC calls over one socket, without threads: what a client needs of HTTP/2.

The client of the package `grpcio` keeps threads that do not survive a fork (of processes that were
forked amid its calls, a third failed or hung), and a call with it takes half as long again. The
server is that package's. Frames: RFC 9113; header fields: RFC 7541, of which nothing but literals
is written, and as little as needed is understood; calls: the document "gRPC over HTTP2".
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Mapping
from typing import final
from urllib.parse import unquote

_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW, _MORE_HEADERS = 0, 1, 3, 4, 6, 7, 8, 9
_END, _ACK, _END_HEADERS, _PADDED, _PRIORITY = 1, 1, 4, 8, 32  # flags
_TABLE_SIZE, _PUSH, _INITIAL_WINDOW, _FRAME_SIZE = 1, 2, 4, 5  # settings
_HUGE = 2**31 - 1  # the largest window
_LARGEST_FRAME = 2**14  # bytes that everyone takes
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_STATUSES = dict(enumerate(("200", "204", "206", "304", "400", "404", "500"), start=8))


class Broken(Exception):
    """The connection is of no use any more; whether the last call arrived is not known."""


class Foreign(Exception):
    """Something answers that will never understand; the text says what."""


class Refused(Exception):
    """The server answers with an error of gRPC: `code` and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@final
class Connection:
    """A connection to a gRPC server; one call at a time.

    Args:
        host: Name or address of the server.
        port: Its port.
        security: For TLS; None: a plain connection.
        metadata: Header fields of each call.
        timeout: Seconds to wait for a connection, and for an answer to any part of it.

    Raises:
        OSError, Broken: If there is no connection.
        Foreign: If what answers there is no gRPC server, or not with this kind of security.
    """

    def __init__(
        self,
        host: str,
        port: int,
        security: ssl.SSLContext | None,
        metadata: Mapping[str, str],
        timeout: float,
    ) -> None:
        self.used = time.monotonic()
        self.is_leaving = False  # whether the server takes no more calls
        self._buffer = b""
        self._next = 1  # the stream of the next call
        self._window = self._initial = 65535  # bytes that may be sent; and at first in a stream
        self._taken = 0  # bytes of data since the server was last told
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        fields = {
            ":method": "POST",
            ":scheme": "http" if security is None else "https",
            ":authority": authority,
            "content-type": "application/grpc",
            "te": "trailers",
            **metadata,
        }
        self._head = b"".join(_field(*item) for item in fields.items())
        plain = socket.create_connection((host, port), timeout)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._socket = plain if security is None else _secured(plain, security, host)
            self._greet()
        except BaseException:
            plain.close()
            raise

    def close(self) -> None:
        """Close the socket, of this process only."""
        self._socket.close()

    def call(self, path: str, message: bytes, timeout: float) -> bytes:
        """Send a message to a method and return the one that it answers with.

        Args:
            path: The method.
            message: What it is asked.
            timeout: Seconds to wait for any part of the answer.

        Raises:
            Refused: If the server answers with an error.
            Broken: If there is no answer.
        """
        stream, self._next = self._next, self._next + 2
        head = _field(":path", path) + self._head
        data = struct.pack(">BI", 0, len(message)) + message
        answer = _Answer(stream)
        window = self._initial
        try:
            self._socket.settimeout(timeout)
            start = _frame(_HEADERS, _END_HEADERS, stream, head)
            if len(data) <= min(self._window, window, _LARGEST_FRAME):
                self._socket.sendall(start + _frame(_DATA, _END, stream, data))
                self._window -= len(data)
            else:
                self._socket.sendall(start)
                self._send(answer, data)
            while not answer.is_whole:
                self._take(answer)
        except (OSError, struct.error) as error:
            raise Broken(str(error) or type(error).__name__) from error
        self.used = time.monotonic()
        return answer.message()

    # -------------------------------------------------------------------------------- frames

    def _greet(self) -> None:
        """Exchange settings, and see that the other side speaks HTTP/2."""
        wanted = ((_TABLE_SIZE, 0), (_PUSH, 0), (_INITIAL_WINDOW, _HUGE), (_FRAME_SIZE, 2**20))
        settings = b"".join(struct.pack(">HI", *pair) for pair in wanted)
        window = _frame(_WINDOW, 0, 0, struct.pack(">I", _HUGE - 65535))
        self._socket.sendall(_HELLO + _frame(_SETTINGS, 0, 0, settings) + window)
        begin = self._peek(9)
        if begin[3] != _SETTINGS or begin[5:9] != bytes(4):
            kind = "an HTTP/1 server" if begin.startswith(b"HTTP/") else "another kind of server"
            raise Foreign(f"{kind} answers there (with {begin!r}), and no gRPC server")
        self._take(_Answer(0))

    def _peek(self, n: int) -> bytes:
        while len(self._buffer) < n:
            found = self._socket.recv(65536)
            if not found:
                raise Broken("it was closed by the other side")
            self._buffer += found
        return self._buffer[:n]

    def _take(self, answer: _Answer) -> None:
        """Read a frame, and act on it."""
        head = self._peek(9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        stream = int.from_bytes(head[5:], "big") & _HUGE
        payload = self._peek(9 + length)[9:]
        self._buffer = self._buffer[9 + length :]
        if kind == _SETTINGS and not flags & _ACK:
            self._adjust(answer, payload)
        elif kind == _PING and not flags & _ACK:
            self._socket.sendall(_frame(_PING, _ACK, 0, payload))
        elif kind == _WINDOW:
            (more,) = struct.unpack(">I", payload)
            if stream == 0:
                self._window += more
            elif stream == answer.stream:
                answer.window += more
        elif kind == _GOAWAY:
            self.is_leaving = True
            if answer.stream > int.from_bytes(payload[:4], "big") & _HUGE:
                raise Broken("the server takes no more calls")
        elif kind == _DATA:
            self._taken += length
            if self._taken > 2**24:
                self._socket.sendall(_frame(_WINDOW, 0, 0, struct.pack(">I", self._taken)))
                self._taken = 0
        if stream and stream == answer.stream:
            answer.take(kind, flags, payload)

    def _adjust(self, answer: _Answer, payload: bytes) -> None:
        for key, value in struct.iter_unpack(">HI", payload):
            if key == _INITIAL_WINDOW:
                answer.window += value - self._initial
                self._initial = value
        self._socket.sendall(_frame(_SETTINGS, _ACK, 0, b""))

    def _send(self, answer: _Answer, data: bytes) -> None:
        """Send data as the windows of the server allow."""
        answer.window = self._initial
        while data and not answer.is_whole:
            n = min(len(data), self._window, answer.window, _LARGEST_FRAME)
            if n <= 0:
                self._take(answer)
                continue
            part, data = data[:n], data[n:]
            self._socket.sendall(_frame(_DATA, 0 if data else _END, answer.stream, part))
            self._window -= n
            answer.window -= n


@final
class _Answer:
    """What comes back on a stream."""

    def __init__(self, stream: int) -> None:
        self.stream = stream
        self.window = 65535  # bytes that may still be sent on it
        self.is_whole = False
        self._data = bytearray()
        self._fields: dict[str, str] = {}
        self._block = b""
        self._reset: int | None = None

    def take(self, kind: int, flags: int, payload: bytes) -> None:
        """Take in a frame of the stream."""
        if kind in (_DATA, _HEADERS) and flags & _PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        if kind == _HEADERS and flags & _PRIORITY:
            payload = payload[5:]
        if kind == _DATA:
            self._data += payload
        elif kind in (_HEADERS, _MORE_HEADERS):
            self._block += payload
            if flags & _END_HEADERS:
                self._fields.update(_fields(self._block))
                self._block = b""
        elif kind == _RESET:
            (self._reset,) = struct.unpack(">I", payload)
        got = len(self._data) >= 5 and len(self._data) >= 5 + self._length
        self.is_whole = got or kind == _RESET or bool(kind in (_DATA, _HEADERS) and flags & _END)

    @property
    def _length(self) -> int:
        return int.from_bytes(self._data[1:5], "big")

    def message(self) -> bytes:
        """The message, once the answer is whole.

        Raises:
            Refused: If it is an error.
            Broken: If it has no end.
        """
        if len(self._data) >= 5 and len(self._data) == 5 + self._length:
            return bytes(self._data[5:])
        if self._reset is not None:
            raise Broken(f"the server broke off the call (HTTP/2 error {self._reset})")
        status = self._fields.get(":status", "200")
        if status.startswith("5") or status == "?":
            raise Broken(f"a server on the way answered with HTTP status {status}")
        if "grpc-status" not in self._fields:
            raise Foreign(f"an HTTP/2 server answers there (status {status}), and no gRPC server")
        code, text = self._fields["grpc-status"], unquote(self._fields.get("grpc-message", ""))
        raise Refused(int(code) if code.isdecimal() else 2, text)


def _secured(plain: socket.socket, security: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    try:
        return security.wrap_socket(plain, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise Foreign(f"its certificate cannot be trusted ({error.verify_message})") from error
    except ssl.SSLEOFError as error:
        raise Broken("it was closed by the other side") from error
    except ssl.SSLError as error:
        raise Foreign(f"it does not speak TLS, or not as we do ({error.reason})") from error


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, stream) + payload


def _field(name: str, value: str) -> bytes:
    """A header field as a literal that is in no table."""
    parts = name.encode(), value.encode()
    return b"\0" + b"".join(_length(len(part), 7) + part for part in parts)


def _length(n: int, bits: int) -> bytes:
    """An integer with a prefix of so many bits; RFC 7541, section 5.1."""
    limit = 2**bits - 1
    if n < limit:
        return bytes([n])
    n -= limit
    digits = [limit]
    while n >= 128:
        digits.append(n % 128 + 128)
        n //= 128
    return bytes([*digits, n])


def _fields(block: bytes) -> Mapping[str, str]:
    """The header fields of a block that can be read without tables and Huffman codes."""
    found: dict[str, str] = {}
    place = 0

    def integer(bits: int) -> int:
        nonlocal place
        limit = 2**bits - 1
        n: int = block[place] & limit
        shift = 0
        place += 1
        while n >= limit if shift == 0 else block[place - 1] & 128:
            n += (block[place] & 127) << shift
            place, shift = place + 1, shift + 7
        return n

    def text() -> str:
        nonlocal place
        is_coded = block[place] & 128
        n = integer(7)
        place += n
        return "?" if is_coded else block[place - n : place].decode("utf-8", "replace")

    while place < len(block):
        first = block[place]
        if first & 128:  # a field of the static table
            index = integer(7)
            if index in _STATUSES:
                found[":status"] = _STATUSES[index]
        elif first & 224 == 32:  # the size of the dynamic table, which is 0
            integer(5)
        else:
            index = integer(6 if first & 64 else 4)
            name = text() if index == 0 else ":status" if index in _STATUSES else f"field {index}"
            found[name] = text()
    return found
