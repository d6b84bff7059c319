"""A strict stand-in for the HTTP API of Grafana 11.6: health, folders, boards, history, alerting.

It keeps what is posted, numbers and versions it, counts writes, and refuses what Grafana's
documentation says that Grafana refuses; each rule names the page it is from ("Dashboard API" is
grafana.com/docs/grafana/v11.6/developers/http_api/dashboard, and so on). It is no proof that a real
Grafana takes or draws anything.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.dashboards.grafana_double_alerting import Alerting

Answer = tuple[int, Any]
# "Dashboard API", "Folder API": at most 40 characters; of letters, digits, - and _.
UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
# "Role-based access control permissions": what a role without it is told to lack.
NEEDED = {
    "POST /folders": "folders:create",
    "PUT /folders": "folders:write",
    "POST /dashboards/db": "dashboards:create",
    "PUT /v1/provisioning": "alert.provisioning:write",
    "POST /v1/provisioning": "alert.provisioning:write",
}


@dataclass
class Double:
    token: str = "right"
    prefix: str = ""
    role: str = "Editor"
    provisioned: bool = False
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    alerting: Alerting = field(default_factory=Alerting)
    writes: list[str] = field(default_factory=list)
    # Done once, just before the next write: what somebody else does at that moment.
    meanwhile: Callable[[Double], None] | None = None
    url: str = ""

    def answer(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        path = unquote(urlsplit(path).path)
        if not path.startswith(self.prefix + "/api/"):
            return 404, "<html>not here</html>"
        path = path.removeprefix(self.prefix + "/api")
        if path == "/health":
            return 200, {"database": "ok", "version": "11.6.0", "commit": "0"}
        # "Authentication API": a bearer token.
        if headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {"message": "Invalid API key"}
        if method != "GET":
            if self.role == "Viewer":
                return 403, {"message": _lacking(f"{method} {path}")}
            # "HTTP API": content is JSON.
            if not isinstance(body, dict) or "json" not in headers.get("Content-Type", ""):
                return 400, {"message": "bad request data"}
            self._let_others()
            self.writes.append(f"{method} {path}")
        return self._route(method, path, body, headers)

    def _route(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        if path.startswith("/v1/provisioning/"):
            rest = path.removeprefix("/v1/provisioning/")
            open_to_edit = "X-Disable-Provenance" in headers
            return self.alerting.answer(method, rest, body, open_to_edit, self.folders)
        if path.startswith("/folders"):
            return self._folders(method, path.removeprefix("/folders").strip("/"), body)
        if path.startswith("/dashboards/uid/"):
            return self._board(path.removeprefix("/dashboards/uid/"))
        if (method, path) == ("POST", "/dashboards/db"):
            return self._save(body)
        return 404, {"message": "Not found"}

    def _let_others(self) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile(self)

    # Folder API

    def _folders(self, method: str, uid: str, body: Any) -> Answer:
        if method == "POST":
            # "Create folder": 400 for missing or invalid fields, 409 if it exists.
            if not body.get("title") or not UID.fullmatch(body.get("uid", "x")):
                return 400, {"message": "title or uid is missing or invalid"}
            if body["uid"] in self.folders:
                return 409, {"message": "Folder already exists"}
            self.folders[body["uid"]] = {"id": 1, "version": 1, **body}
            return 200, self.folders[body["uid"]]
        folder = self.folders.get(uid)
        if folder is None:
            return 404, {"message": "folder not found"}
        if method == "PUT":
            if not body.get("title"):
                return 400, {"message": "folder title cannot be empty"}
            # "Update folder": the current version, or overwrite.
            if not body.get("overwrite") and body.get("version") != folder["version"]:
                return 412, _conflict("The folder has been changed by someone else")
            folder.update(title=body["title"], version=folder["version"] + 1)
        return 200, folder

    # Dashboard API, Dashboard versions API

    def _board(self, rest: str) -> Answer:
        uid, _, more = rest.partition("/")
        held = self.boards.get(uid)
        if held is None:
            return 404, {"message": "Dashboard not found"}
        if more == "versions":
            # Since 11.0 an object; older ones give the list alone.
            return 200, {"continueToken": "", "versions": self.history[uid][::-1]}
        return 200, held if not more else (404, {"message": "Not found"})

    def _save(self, body: Any) -> Answer:
        board = body.get("dashboard")
        if not isinstance(board, dict) or not board.get("title"):
            return 400, {"message": "Dashboard title cannot be empty"}
        if not UID.fullmatch(board.get("uid") or "x"):
            return 400, {"message": "uid contains illegal characters, or is too long"}
        if body.get("folderUid") not in self.folders:
            return 400, {"message": "folder not found"}
        if self.provisioned:
            # "Provision Grafana": the API cannot change what comes from files.
            return 400, {"message": "Cannot save provisioned dashboard"}
        old = self.boards.get(board["uid"], {}).get("dashboard")
        if old is None and board.get("id"):
            return 404, {"message": "Dashboard not found", "status": "not-found"}
        # "Create / Update dashboard": 412, by reason.
        if old and not body.get("overwrite"):
            if "version" not in board:
                return 412, {
                    "message": "A dashboard with the same uid already exists",
                    "status": "name-exists",
                }
            if board["version"] != old["version"]:
                return 412, _conflict("The dashboard has been changed by someone else")
        return 200, self.keep(board, body["folderUid"], body.get("message", ""), "sa-onenet")

    def keep(self, board: dict[str, Any], folder: str, message: str, who: str) -> dict[str, Any]:
        """Save a board as its next version."""
        uid = board["uid"]
        old = self.boards.get(uid, {}).get("dashboard")
        version = old["version"] + 1 if old else 1
        number = old["id"] if old else len(self.boards) + 1
        self.boards[uid] = {
            "dashboard": {**board, "id": number, "version": version},
            "meta": {"folderUid": folder, "provisioned": self.provisioned},
        }
        change = {"version": version, "message": message, "createdBy": who}
        self.history.setdefault(uid, []).append(change | {"created": "2026-11-24T08:00:00Z"})
        return {"status": "success", "uid": uid, "version": version}

    def edit(self, uid: str, who: str = "li", **changed: Any) -> None:
        """What somebody does to a board in Grafana's pages."""
        held = self.boards[uid]
        self.keep(held["dashboard"] | changed, held["meta"]["folderUid"], "", who)


def _lacking(asked: str) -> str:
    needed = next((of for route, of in NEEDED.items() if asked.startswith(route)), "")
    return (
        "You'll need additional permissions to perform this action. Permissions needed: " + needed
    )


def _conflict(message: str) -> dict[str, str]:
    return {"message": message, "status": "version-mismatch"}


@contextmanager
def serve(double: Double) -> Iterator[Double]:
    """Serve it on a free local port."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            read = self.rfile.read(length) if length else b""
            try:
                body = json.loads(read) if self.command != "GET" else None
            except ValueError:
                body = None
            status, said = double.answer(self.command, self.path, body, dict(self.headers))
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
