"""The screening page in a browser on this machine: the same session, keys i e m n u, saved at once.

In: a `Session`.  Out: a page at http://127.0.0.1:<port>/ that asks and answers in JSON.  It listens on this machine
only, checks a token on every request, and fetches nothing from elsewhere.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from euthymia.errors import EuthymiaError
from euthymia.evidence.review.session import Session
from euthymia.evidence.review.vocabulary import vocabulary

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Screening</title><style>
body{font:17px/1.55 system-ui,sans-serif;max-width:46rem;margin:1.5rem auto;padding:0 1rem;color:#111}
h1{font-size:1.25rem}.m{color:#555}.bar{position:sticky;top:0;background:#fff;padding:.5rem 0;
border-bottom:1px solid #ccc}
button{font:inherit;margin:.15rem .3rem .15rem 0;
padding:.25rem .7rem}mark{background:#fdf3c0}
.bad{color:#b00020;font-weight:600}
input{font:inherit;width:60%}</style></head><body><div class="bar"><span id="state" class="m"></span>
<div id="keys"></div>
<input id="note" placeholder="note (n)" aria-label="note"></div><p id="error" class="bad" role="alert"></p>
<h1 id="title"></h1><p id="facts" class="m"></p><p id="abstract"></p><p id="named" class="m"></p><script>
const token = new URLSearchParams(location.search).get('token');
let now = {}, busy = false;
const $ = id => document.getElementById(id);
async function ask(body) {
  if (busy) return; busy = true; $('error').textContent = '';
  try {
    const r = await fetch('/api?token=' + token, body ? {method: 'POST', body: JSON.stringify(body)} : {});
    const d = await r.json();
    if (d.error) { $('error').textContent = 'NOT SAVED: ' + d.error; } else { show(d); }
  } catch (e) { $('error').textContent = 'no answer from the program; what was decided is saved'; }
  busy = false;
}
function mark(node, text, words) {
  node.replaceChildren();
  const low = text.toLowerCase(); let at = 0;
  while (at < text.length) {
    let best = -1, len = 0;
    for (const w of words) {
      const i = low.indexOf(w, at); if (i >= 0 && (best < 0 || i < best)) { best = i; len = w.length; } }
    if (best < 0) break;
    node.append(text.slice(at, best)); const m = document.createElement('mark');
    m.textContent = text.slice(best, best + len); node.append(m); at = best + len;
  }
  node.append(text.slice(at));
}
function show(d) {
  now = d; $('state').textContent = d.made + ' made. ' + d.state; $('note').value = '';
  const r = d.record; $('keys').replaceChildren();
  if (!r) { $('title').textContent = 'Nothing is left to decide at this stage.'; $('facts').textContent = '';
    $('abstract').textContent = ''; $('named').textContent = ''; return; }
  mark($('title'), r.title, d.words); mark($('abstract'), r.abstract || '(no abstract)', d.words);
  $('facts').textContent = r.facts; $('named').textContent = d.named;
  const add = (text, f) => {
    const b = document.createElement('button'); b.textContent = text; b.onclick = f; $('keys').append(b); };
  add('i include', () => decide('include', ''));
  d.reasons.forEach((x, n) => add((n + 1) + ' exclude: ' + x, () => decide('exclude', x)));
  add('m maybe', () => decide('maybe', '')); add('u undo', () => ask({undo: true})); scrollTo(0, 0);
}
function decide(verdict, reason) {
  if (now.record) ask({record: now.record.record, verdict, reason, note: $('note').value});
}
document.onkeydown = e => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (document.activeElement === $('note')) { if (e.key === 'Enter' || e.key === 'Escape') $('note').blur(); return; }
  if (e.key === 'i') decide('include', ''); else if (e.key === 'm') decide('maybe', '');
  else if (e.key === 'u') ask({undo: true});
  else if (e.key === 'n') { $('note').focus(); e.preventDefault(); }
  else if (now.reasons && now.reasons[+e.key - 1]) decide('exclude', now.reasons[+e.key - 1]);
};
ask();
</script></body></html>"""


def answer(session: Session, made: int) -> dict[str, Any]:
    """What the page shows next."""
    queue = session.queue()
    reasons = list(session.review.settings.exclude)
    shown: dict[str, Any] = {
        "made": made,
        "state": str(session.stop()),
        "record": None,
        "reasons": reasons,
        "words": [],
    }
    if queue:
        r = queue[0]
        found = vocabulary().found(f"{r.text} {r.keywords}")
        facts = [r.authors[:120], str(r.year or ""), r.journal, r.type, r.language, r.access, r.record]
        facts += [r.status.upper()] if r.status != "ok" else []
        shown["record"] = {
            "record": r.record,
            "title": r.title,
            "abstract": r.abstract,
            "facts": " | ".join(filter(None, facts)),
        }
        shown["words"] = sorted({w.lower() for words in found.values() for w in words}, key=len, reverse=True)
        shown["named"] = "; ".join(f"{name}: {', '.join(words[:3])}" for name, words in found.items())
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
                self._send(200, PAGE, "text/html")
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
