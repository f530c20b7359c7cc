"""The screening page in a browser: the same session over HTTP on this machine, with a token."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request

import pytest

from euthymia.evidence.review.browser import server
from euthymia.evidence.review.session import Session


@pytest.fixture
def running(filled):
    made, address = server(Session(filled, "eva"))
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield address
    made.shutdown()
    made.server_close()


def ask(address, body=None):
    request = urllib.request.Request(
        address.replace("/?", "/api?"), data=json.dumps(body).encode() if body else None
    )
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.loads(reply.read())


def test_an_hour_in_short(running, filled):
    with urllib.request.urlopen(running, timeout=20) as reply:
        assert "src=" not in reply.read().decode()
    first = ask(running)
    assert "Ketamine" in first["record"]["title"] and "ketamine" in first["words"]
    name = first["record"]["record"]
    assert (first["read"], first["total"], first["last"]) == (0, 10, "")
    assert first["links"][0] == [f"PubMed {name[5:]}", f"https://pubmed.ncbi.nlm.nih.gov/{name[5:]}/"]
    second = ask(running, {"record": name, "verdict": "include", "note": "good"})
    assert second["made"] == 1 and second["record"]["record"] != name
    assert (second["read"], second["relevant"]) == (1, 1) and second["last"].startswith("include - Ketamine")
    back = ask(running, {"undo": True})
    assert back["made"] == 0 and back["record"]["record"] == name
    assert [r["verdict"] for r in filled.rows("decisions")] == ["include", "withdrawn"]


@pytest.mark.parametrize(
    "body", [{"record": "none", "verdict": "include"}, {"record": "pmid:1000", "verdict": "yes"}, [1]]
)
def test_wrong_wishes_are_refused(running, filled, body):
    with pytest.raises(urllib.error.HTTPError) as fault:
        ask(running, body)
    assert fault.value.code == 400 and json.loads(fault.value.read())["error"]
    assert filled.rows("decisions") == []


def test_no_token_no_answer(running):
    for address in (running.split("?")[0], running.split("?")[0] + "api?token=x"):
        with pytest.raises(urllib.error.HTTPError) as fault:
            urllib.request.urlopen(address, timeout=20)
        assert fault.value.code == 403
