"""A server that says what Weights & Biases' client needs to hear, and can fall silent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Server:
    """What was sent, and whether anything is answered."""

    address: str = ""
    bodies: list[bytes] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    #: When nothing is answered: never, always, or later, from the moment that a run is known.
    silent: str = "never"
    closed: threading.Event = field(default_factory=threading.Event)

    def figures(self) -> bytes:
        """Return the rows of history that were sent."""
        return b"".join(body for body in self.bodies if b"wandb-history" in body)

    def history(self) -> dict[int, dict[str, Any]]:
        """Return the rows of history that were sent, by iteration: each call of the logger is one."""
        rows: dict[int, dict[str, Any]] = {}
        for body in filter(lambda body: b"wandb-history" in body, self.bodies):
            for line in json.loads(body)["files"].get("wandb-history.jsonl", {}).get("content", ()):
                row = json.loads(line)
                rows.setdefault(row["trainer/global_step"], {}).update(row)
        return rows

    def answer(self, body: bytes) -> dict[str, Any]:
        """Return the answer to a request."""
        self.bodies.append(body)
        try:
            asked = json.loads(body)
        except ValueError:
            return {}
        query = asked.get("query", "") if isinstance(asked, dict) else ""
        if "upsertBucket" in query:
            name = asked["variables"].get("name")
            self.runs.append(name)
            project = {"id": "p", "name": "gan_lab", "entity": {"id": "e", "name": "me"}}
            bucket = {"id": "x", "name": name, "displayName": name, "config": "{}", "historyLineCount": 0}
            return {"data": {"upsertBucket": {"bucket": bucket | {"project": project}, "inserted": True}}}
        if "createRunFiles" in query:
            return {"data": {"createRunFiles": {"runID": "x", "uploadHeaders": [], "files": []}}}
        if "viewer" in query:
            return {"data": {"viewer": {"id": "v", "entity": "me", "username": "me", "flags": "{}"}}}
        return {"data": {}}


@contextmanager
def serving(silent: str = "never") -> Iterator[Server]:
    """Serve on a free port; where it is silent, "always" or "later", connections are taken and nothing comes back."""
    state = Server(silent=silent)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if state.silent == "always" or (state.silent == "later" and state.runs):
                state.closed.wait()
                return
            text = json.dumps(state.answer(body)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        state.closed.set()
        server.shutdown()
