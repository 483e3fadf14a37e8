"""A network camera: motion JPEG over HTTP, which does what a test tells it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

WIDTH, HEIGHT = 64, 48


def jpeg(number: int, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A picture of stripes; its brightness tells its number."""
    image = np.full((height, width, 3), 40 + number % 150, np.uint8)
    image[::4] += 20
    return bytes(cv2.imencode(".jpg", image)[1].tobytes())


class NetworkCamera:
    """Sends a frame every few milliseconds, and in between what `send` was told.

    That is bytes in a frame's place, or None to close the connection. `pause` makes it silent; `refuse` turns new
    connections away; `needs_password` asks for one.

    Attributes:
        url: where it is.
        authorizations: what was sent with each request as user and password.
        sent: the number of frames that were sent, in all connections.
        odd: the number, in its connection, of each frame that was sent as it was told.
        connections: how many there have been.
    """

    def __init__(self) -> None:
        self.orders: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.sent = 0
        self.odd: list[int] = []
        self.authorizations: list[str] = []
        self.connections = 0
        self.running = threading.Event()
        self.running.set()
        self.refuse = False
        self.needs_password = False
        self.over = False

    def send(self, frame: bytes | None) -> None:
        self.orders.put(frame)

    def frames(self) -> Iterator[bytes]:
        number = 0
        while not self.over:
            self.running.wait()
            try:
                order = self.orders.get_nowait()
            except queue.Empty:
                yield jpeg(number)
            else:
                if order is None:
                    return
                self.odd.append(number)
                yield order
            number += 1
            self.sent += 1
            time.sleep(0.01)


@contextmanager
def network_camera() -> Iterator[NetworkCamera]:
    """A running camera."""
    camera = NetworkCamera()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            camera.connections += 1
            camera.authorizations.append(self.headers.get("Authorization", ""))
            if camera.refuse:
                self.send_error(503)
                return
            if camera.needs_password and not camera.authorizations[-1]:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            try:
                for data in camera.frames():
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    self.wfile.write(head.encode() + data + b"\r\n")
            except OSError:
                pass  # the reader has left

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    camera.url = f"http://127.0.0.1:{server.server_port}/stream.mjpg"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield camera
    finally:
        camera.over = True
        camera.running.set()
        server.shutdown()
        thread.join()
        server.server_close()
