"""A small stand-in for Grafana's HTTP API: health, folders, boards, as its documentation says.

It keeps what is posted, numbers and versions it, refuses unknown tokens and stale versions, and
counts writes. It is no proof that a real Grafana draws the boards.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Double:
    token: str = "right"
    prefix: str = ""
    role: str = "Editor"
    provisioned: bool = False
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, body: Any, token: str) -> tuple[int, Any]:
        if not path.startswith(self.prefix + "/api/"):
            return 404, "<html>not here</html>"
        path = path.removeprefix(self.prefix + "/api")
        if path == "/health":
            return 200, {"database": "ok", "version": "11.6.0", "commit": "0"}
        if token != self.token:
            return 401, {"message": "Invalid API key"}
        if method != "GET":
            if self.role == "Viewer":
                return 403, {"message": "You'll need additional permissions"}
            self.writes.append(f"{method} {path}")
        if path.startswith("/folders"):
            return self._folders(method, path.removeprefix("/folders").strip("/"), body)
        if path.startswith("/dashboards/uid/"):
            found = self.boards.get(path.removeprefix("/dashboards/uid/"))
            return (200, found) if found else (404, {"message": "Dashboard not found"})
        if (method, path) == ("POST", "/dashboards/db"):
            return self._save(body)
        return 404, {"message": "Not found"}

    def _folders(self, method: str, uid: str, body: Any) -> tuple[int, Any]:
        if method == "POST":
            if body["uid"] in self.folders:
                return 412, {"message": "a folder with the same uid already exists"}
            self.folders[body["uid"]] = {"id": 1, "version": 1, **body}
            return 200, self.folders[body["uid"]]
        folder = self.folders.get(uid)
        if folder is None:
            return 404, {"message": "folder not found"}
        if method == "PUT":
            if not body.get("overwrite") and body.get("version") != folder["version"]:
                return 412, {"message": "the folder has been changed by someone else"}
            folder.update(title=body["title"], version=folder["version"] + 1)
        return 200, folder

    def _save(self, body: Any) -> tuple[int, Any]:
        if self.provisioned:
            return 400, {"message": "Cannot save provisioned dashboard"}
        if body.get("folderUid") not in self.folders:
            return 400, {"message": "folder not found"}
        board = body["dashboard"]
        old = self.boards.get(board["uid"], {}).get("dashboard")
        version = old["version"] if old else 0
        if old and not body.get("overwrite") and board.get("version") != version:
            return 412, {"status": "version-mismatch", "message": "changed by someone else"}
        number = old["id"] if old else len(self.boards) + 1
        self.boards[board["uid"]] = {
            "dashboard": {**board, "id": number, "version": version + 1},
            "meta": {"folderUid": body["folderUid"]},
        }
        return 200, {"status": "success", "uid": board["uid"], "version": version + 1}


@contextmanager
def serve(double: Double) -> Iterator[Double]:
    """Serve it on a free local port."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, said = double.answer(self.command, self.path, body, token)
            text = isinstance(said, str)
            sent = (said if text else json.dumps(said)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if text else "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = _do  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}{double.prefix}"
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
