"""Sources on replies in their documented format: throttled, cut off, malformed, retracted, resumed."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.parse
from email.message import Message

import pytest
from Bio import Entrez

from euthymia.errors import InputError
from euthymia.evidence.review.search import import_file, search
from euthymia.evidence.review.sources import PAGE
from euthymia.evidence.review.transport import SourceError, Transport

COUNT = 450


def article(number: int) -> str:
    retracted = (
        '<CommentsCorrectionsList><CommentsCorrections RefType="RetractionIn"/></CommentsCorrectionsList>'
    )
    return (
        f"<PubmedArticle><MedlineCitation><PMID>{number}</PMID><Article><Journal>"
        f"<JournalIssue><PubDate><Year>2021</Year>"
        f"</PubDate></JournalIssue><Title>J</Title></Journal><ArticleTitle>Paper {number} on mood</ArticleTitle>"
        "<Abstract>"
        f"<AbstractText>Words {number}</AbstractText></Abstract><Language>eng</Language></Article>"
        f"{retracted if number == 7 else ''}</MedlineCitation></PubmedArticle>"
    )


class PubMed:
    """A stand-in for the server behind Entrez: `faults` maps the number of a request to what it does instead."""

    def __init__(self, faults=None, count=COUNT):
        self.asked, self.faults, self.count = [], faults or {}, count

    def __call__(self, request, *_, **__):
        address = request if isinstance(request, str) else request.full_url
        body = "" if isinstance(request, str) or not request.data else request.data.decode()
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query + "&" + body))
        self.asked.append(query)
        fault = self.faults.get(len(self.asked))
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            return self.reply(fault, address)
        if "esearch" in address:
            start = int(query["retstart"])
            ids = [str(n) for n in range(1, self.count + 1)][start : start + int(query["retmax"])]
            return self.reply(
                json.dumps({"esearchresult": {"count": str(self.count), "idlist": ids}}), address
            )
        return self.reply(
            f"<PubmedArticleSet>{''.join(article(int(n)) for n in query['id'].split(','))}</PubmedArticleSet>",
            address,
        )

    @staticmethod
    def reply(text, address):
        handle = io.BytesIO(text.encode())
        handle.headers = Message()
        handle.headers["Content-Type"] = "application/json" if "esearch" in address else "text/xml"
        handle.url = address
        return handle


def throttled(code=429):
    return urllib.error.HTTPError("https://x", code, "Too Many Requests", Message(), None)


@pytest.fixture
def serve(monkeypatch):
    """Put a stand-in behind Entrez."""

    def put(server):
        monkeypatch.setattr(Entrez, "urlopen", server)
        monkeypatch.setattr(
            Entrez,
            "time",
            type("T", (), {"sleep": staticmethod(lambda s: None), "time": staticmethod(lambda: 1e9)}),
        )
        return server

    return put


QUICK = Transport(pause=0.0, tries=3, sleep=lambda s: None)


def test_pubmed_all_pages_and_the_second_run_asks_for_what_is_new(review, serve):
    server = serve(PubMed())
    run = search(review, "pubmed", QUICK)
    assert (run.hits, run.new, run.known) == (COUNT, COUNT, 0)
    assert server.asked[0]["mindate"] == "2019/09/01" and server.asked[0]["datetype"] == "pdat"
    records = review.records()
    assert records["pmid:7"].status == "retracted" and records["pmid:8"].status == "ok"
    assert records["pmid:8"].abstract == "Words 8"
    before = (review.path / "records.csv").read_bytes()
    server = serve(PubMed())
    again = search(review, "pubmed", QUICK)
    assert (again.new, again.known) == (0, COUNT)
    assert server.asked[0]["datetype"] == "edat"
    assert (review.path / "records.csv").read_bytes() == before
    assert "Words" not in (review.path / "records.csv").read_text()


@pytest.mark.parametrize(
    "fault",
    [
        throttled(400),
        urllib.error.URLError("connection reset"),
        "<html><body>Service unavailable</body></html>",
        "<PubmedArticleSet><PubmedArticle><Medline",
    ],
)
def test_a_cut_off_search_keeps_its_pages_and_goes_on(review, serve, fault):
    """The fault hits the fourth request (and its repeats): the second page."""
    serve(PubMed(dict.fromkeys(range(4, 9), fault)))
    with pytest.raises(SourceError):
        search(review, "pubmed", QUICK)
    assert len(review.records()) == PAGE and review.rows("runs") == []
    server = serve(PubMed())
    run = search(review, "pubmed", QUICK)
    assert server.asked[0]["retstart"] == str(PAGE)
    assert (run.new, len(review.records()), len(review.rows("runs"))) == (COUNT, COUNT, 1)


def test_a_partial_page_is_named(review, serve):
    short = f"<PubmedArticleSet>{article(1)}{article(2)}</PubmedArticleSet>"
    serve(PubMed({2: short}, count=5))
    run = search(review, "pubmed", QUICK)
    assert run.new == 2 and "left out 3 of 5" in run.problems[0]


def test_a_query_error_and_too_many_hits(review, serve):
    serve(PubMed({1: json.dumps({"esearchresult": {"ERROR": "Invalid query"}})}))
    with pytest.raises(SourceError, match="Invalid query"):
        search(review, "pubmed", QUICK)
    serve(PubMed(count=20_000))
    with pytest.raises(SourceError, match="narrow"):
        search(review, "pubmed", QUICK)


def replies(*bodies):
    """A transport that gives these bodies (or raises these errors) in turn, and the list of waits and addresses."""
    queue, log = list(bodies), []

    def opener(request, timeout):
        log.append(request.full_url)
        body = queue.pop(0)
        if isinstance(body, Exception):
            raise body
        return io.BytesIO(body.encode())

    return Transport(pause=0.0, tries=3, open=opener, sleep=log.append), log


def europe(numbers, cursor, hits=PAGE + 1):
    items = [
        {
            "id": str(n),
            "pmid": str(n),
            "title": f"Paper {n}.",
            "pubYear": "2020",
            "isOpenAccess": "Y",
            "pubTypeList": {"pubType": ["Review"]},
            "authorList": {"author": [{"lastName": "Doe", "firstName": "J"}]},
        }
        for n in numbers
    ]
    return json.dumps({"hitCount": hits, "nextCursorMark": cursor, "resultList": {"result": items}})


def test_europe_pmc_pages_throttling_and_resuming(review):
    late = throttled()
    late.headers["Retry-After"] = "7"
    transport, log = replies(
        late, europe(range(1, PAGE + 1), "NEXT"), throttled(503), throttled(503), throttled(503)
    )
    with pytest.raises(SourceError, match="resume"):
        search(review, "europepmc", transport)
    assert 7.0 in log
    transport, log = replies(europe([PAGE + 1], "NEXT"))
    run = search(review, "europepmc", transport)
    assert "cursorMark=NEXT" in log[0] and run.new == PAGE + 1
    found = review.records()["pmid:1"]
    assert (found.title, found.authors, found.access, found.type) == ("Paper 1", "Doe, J", "open", "review")


@pytest.mark.parametrize("body", ["<html>error</html>", "[]", '{"errMsg": "bad query"}'])
def test_an_error_page_is_named(review, body):
    with pytest.raises(SourceError, match="Europe PMC"):
        search(review, "europepmc", replies(body)[0])
    assert review.records() == {}


def test_a_wrong_key_is_not_repeated_nor_shown(review, monkeypatch):
    monkeypatch.setenv("OPENALEX_API_KEY", "not-a-real-key")
    transport, log = replies(throttled(403))
    with pytest.raises(SourceError) as fault:
        search(review, "openalex", transport)
    assert len(log) == 1 and "not-a-real-key" not in str(fault.value)
    monkeypatch.delenv("OPENALEX_API_KEY")
    with pytest.raises(SourceError, match="OPENALEX_API_KEY"):
        search(review, "openalex", transport)


def test_openalex_record(review, monkeypatch):
    monkeypatch.setenv("OPENALEX_API_KEY", "x")
    work = {
        "doi": "https://doi.org/10.1000/Z",
        "title": "Mood",
        "publication_year": 2021,
        "is_retracted": True,
        "language": "en",
        "ids": {"pmid": "https://pubmed.ncbi.nlm.nih.gov/55"},
        "authorships": [{"author": {"display_name": "Jane Q Doe"}}],
        "open_access": {"is_oa": False},
        "abstract_inverted_index": {"gut": [1], "The": [0], "axis": [2]},
    }
    transport, _ = replies(json.dumps({"meta": {"count": 1, "next_cursor": None}, "results": [work]}))
    search(review, "openalex", transport)
    found = review.records()["pmid:55"]
    assert (found.abstract, found.authors, found.status, found.access) == (
        "The gut axis",
        "Doe, Jane Q",
        "retracted",
        "closed",
    )


def test_no_query_is_named(review):
    with pytest.raises(InputError, match="pubmed, europepmc, openalex"):
        search(review, "scopus", QUICK)


def test_a_file_twice_and_its_labels(review, tmp_path):
    path = tmp_path / "old.csv"
    path.write_text("title,year,included\nKetamine and mood in mice,2020,1\nBread of the regions,2021,0\n")
    run, taken = import_file(review, path, reviewer="eva")
    assert (run.new, taken) == (2, 2)
    again, taken = import_file(review, path, reviewer="eva")
    assert (again.new, again.known, taken, len(review.rows("runs"))) == (0, 2, 0, 1)
