"""The part of Google's storage protocol that `google-cloud-storage` needs, on loopback."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

import google_crc32c  # comes with google-cloud-storage


class _Bucket(BaseHTTPRequestHandler):
    objects: dict[str, bytes]
    parts: dict[str, bytes]

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, status: int, body: bytes = b"", kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _absent(self) -> None:
        self._answer(404, b'{"error": {"code": 404, "message": "No such object"}}')

    def _name(self) -> str:
        return unquote(urlsplit(self.path).path.rpartition("/o/")[2])

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _kept(self, name: str, content: bytes) -> None:
        self.objects[name] = content
        check = base64.b64encode(google_crc32c.Checksum(content).digest()).decode()
        size = str(len(content))
        about = {"name": name, "bucket": "bucket", "size": size, "crc32c": check}
        self._answer(200, json.dumps(about).encode())

    def do_POST(self) -> None:
        body, query = self._body(), parse_qs(urlsplit(self.path).query)
        if query["uploadType"] == ["resumable"]:
            name = json.loads(body)["name"]
            self.parts[name] = b""
            self.send_response(200)
            self.send_header("Location", f"http://{self.headers['Host']}/part/o/{quote(name)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        boundary = re.search(r'boundary="?([^";]+)', self.headers["Content-Type"])
        _, about, content, _ = body.split(b"--" + (boundary or [b"", ""])[1].encode())
        name = json.loads(about.partition(b"\r\n\r\n")[2])["name"]
        self._kept(name, content.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n"))

    def do_PUT(self) -> None:
        name = self._name()
        self.parts[name] += self._body()
        if self.headers["Content-Range"].endswith("/*"):
            self.send_response(308)
            self.send_header("Range", f"bytes=0-{len(self.parts[name]) - 1}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._kept(name, self.parts.pop(name))

    def do_GET(self) -> None:
        if self._name() in self.objects:
            self._answer(200, self.objects[self._name()], "application/octet-stream")
        else:
            self._absent()

    def do_DELETE(self) -> None:
        if self.objects.pop(self._name(), None) is None:
            self._absent()
        else:
            self._answer(204)


@contextmanager
def gcs_server() -> Iterator[str]:
    """The address of a server with one empty bucket."""
    handler = type("Bucket", (_Bucket,), {"objects": {}, "parts": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
