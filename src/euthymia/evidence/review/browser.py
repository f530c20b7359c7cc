"""The screening page in a browser on this machine: the same session, keys i 1-9 m n o u, saved at once.

In: a `Session`.  Out: a page at http://127.0.0.1:<port>/ that asks and answers in JSON.  It listens on this machine
only, checks a token on every request, and fetches nothing from elsewhere; links to a paper are followed
only when the person opens them.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from euthymia.errors import EuthymiaError
from euthymia.evidence.review.records import links
from euthymia.evidence.review.session import Session
from euthymia.evidence.review.vocabulary import vocabulary

PAGE = Path(__file__).with_name("page.html")


def answer(session: Session, made: int) -> dict[str, Any]:
    """What the page shows next."""
    queue, state = session.queue(), session.stop()
    total, done = session.progress()
    shown: dict[str, Any] = {
        "made": made,
        "reviewer": session.reviewer,
        "stage": session.stage,
        "read": done,
        "total": total,
        "relevant": session.relevant(),
        "recall": state.bound if session.stage == "title" else "",
        "reached": f"{state.verdict}: you may stop here."
        if state.reached and session.stage == "title"
        else "",
        "last": session.last,
        "record": None,
        "reasons": list(session.review.settings.exclude.items()),
        "words": [],
        "links": [],
    }
    if queue:
        r = queue[0]
        found = vocabulary().found(f"{r.text} {r.keywords}")
        facts = [r.authors[:120], str(r.year or ""), r.journal, r.type, r.language, r.access, r.record]
        shown["record"] = {
            "record": r.record,
            "title": r.title,
            "abstract": r.abstract,
            "facts": " | ".join(filter(None, facts)),
            "flag": r.status.upper() if r.status != "ok" else "",
        }
        shown["words"] = sorted({w.lower() for words in found.values() for w in words}, key=len, reverse=True)
        shown["named"] = "; ".join(f"{name}: {', '.join(words[:3])}" for name, words in found.items())
        shown["links"] = links(r)
    return shown


def server(session: Session, port: int = 0) -> tuple[ThreadingHTTPServer, str]:
    """A server for one session, and the address to open (with its token); `serve_forever` starts it."""
    token, lock, made = secrets.token_urlsafe(16), threading.Lock(), [0]

    class Handler(BaseHTTPRequestHandler):
        def _send(self, code: int, body: str, kind: str = "application/json") -> None:
            data = body.encode()
            self.send_response(code)
            for name, value in (
                ("Content-Type", f"{kind}; charset=utf-8"),
                ("Content-Length", str(len(data))),
                ("Cache-Control", "no-store"),
                ("Referrer-Policy", "no-referrer"),
                ("Content-Security-Policy", "default-src 'self' 'unsafe-inline'"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def _allowed(self) -> bool:
            given = parse_qs(urlsplit(self.path).query).get("token", [""])[0]
            if hmac.compare_digest(given.encode(), token.encode()):
                return True
            self._send(403, json.dumps({"error": "wrong or missing token; use the address that was printed"}))
            return False

        def do_GET(self) -> None:
            if not self._allowed():
                return
            if urlsplit(self.path).path == "/":
                self._send(200, PAGE.read_text("utf-8"), "text/html")
            else:
                with lock:
                    self._send(200, json.dumps(answer(session, made[0])))

        def do_POST(self) -> None:
            if not self._allowed():
                return
            try:
                size = min(int(self.headers.get("Content-Length") or 0), 100_000)
                wish = json.loads(self.rfile.read(size))
                with lock:
                    if wish.get("undo"):
                        made[0] -= bool(session.undo())
                    elif str(wish.get("record")) not in session.records:
                        raise ValueError("no such record")
                    else:
                        parts = [str(wish.get(k, "")) for k in ("record", "verdict", "reason", "note")]
                        session.decide(*parts)
                        made[0] += 1
                    body = json.dumps(answer(session, made[0]))
                self._send(200, body)
            except (EuthymiaError, ValueError, AttributeError) as error:
                self._send(400, json.dumps({"error": str(error)}))

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the decisions are the log."""

    made_server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    return made_server, f"http://127.0.0.1:{made_server.server_address[1]}/?token={token}"
