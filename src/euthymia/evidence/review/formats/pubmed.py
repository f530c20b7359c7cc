"""PubMed XML, as efetch delivers it and as PubMed exports it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from xml.etree.ElementTree import Element

from euthymia.errors import Problem
from euthymia.evidence.review.records import Record, clean_year, identified

_RETRACTED = {"RetractionIn", "RetractionOf"}


def _text(node: Element | None) -> str:
    return "".join(node.itertext()).strip() if node is not None else ""


def _author(node: Element) -> str:
    family, given = _text(node.find("LastName")), _text(node.find("ForeName")) or _text(node.find("Initials"))
    return f"{family}, {given}" if given else family or _text(node.find("CollectiveName"))


def _abstract(article: Element) -> str:
    parts = []
    for node in article.findall("Abstract/AbstractText"):
        label = node.get("Label")
        parts.append(f"{label.capitalize()}: {_text(node)}" if label else _text(node))
    return " ".join(parts)


def _record(node: Element) -> Record:
    citation = node.find("MedlineCitation")
    article = node.find("MedlineCitation/Article")
    if citation is None or article is None:
        return Record()
    kinds = [_text(k) for k in article.findall("PublicationTypeList/PublicationType")]
    links = {c.get("RefType") for c in citation.findall("CommentsCorrectionsList/CommentsCorrections")}
    status = "ok"
    if "Retracted Publication" in kinds or "RetractionIn" in links:
        status = "retracted"
    elif "ErratumIn" in links or "CorrectedandRepublishedIn" in links:
        status = "corrected"
    ids = {i.get("IdType"): _text(i) for i in node.findall("PubmedData/ArticleIdList/ArticleId")}
    doi = next(
        (_text(e) for e in article.findall("ELocationID") if e.get("EIdType") == "doi"), ids.get("doi", "")
    )
    date = article.find("Journal/JournalIssue/PubDate")
    words = citation.findall("KeywordList/Keyword") + citation.findall(
        "MeshHeadingList/MeshHeading/DescriptorName"
    )
    return identified(
        Record(
            doi=doi,
            pmid=_text(citation.find("PMID")),
            title=_text(article.find("ArticleTitle")).rstrip("."),
            authors="; ".join(filter(None, map(_author, article.findall("AuthorList/Author")))),
            year=clean_year(_text(date)),
            journal=_text(article.find("Journal/Title")),
            type="review" if any("Review" in k for k in kinds) else (kinds[0].lower() if kinds else ""),
            language=_text(article.find("Language")),
            access="open" if ids.get("pmc") else "",
            status=status,
            abstract=_abstract(article),
            keywords="; ".join(map(_text, words)),
        )
    )


def read(text: str, name: str = "") -> tuple[list[Record], list[Problem]]:
    """Records of a PubmedArticleSet; malformed XML is one problem with its line.

    Entities and document types are not expanded: a text that declares entities is refused.
    """
    if "<!ENTITY" in text:
        return [], [Problem("declares XML entities: refused", name)]
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        line, column = error.position
        head = " ".join(text[:60].split())
        return [], [
            Problem(f"not well-formed XML ({error.msg.split(':')[0]}); begins {head!r}", name, line, column)
        ]
    records, problems = [], []
    for number, node in enumerate(root.iter("PubmedArticle"), start=1):
        found = _record(node)
        if found.title and found.pmid:
            records.append(found)
        else:
            problems.append(Problem(f"article {number} has no PMID or title: left out", name))
    if (error_node := root.find(".//ERROR")) is not None or root.tag in {"eFetchResult", "html"}:
        problems.append(
            Problem(f"the source answered with an error: {_text(error_node) or root.tag!r}", name)
        )
    return records, problems
