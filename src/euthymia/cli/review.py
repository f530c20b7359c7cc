"""`euthymia review`: the living literature review, one step a subcommand."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Callable
from pathlib import Path

from euthymia.evidence.review.steps.collect import (
    dedupe_step,
    import_step,
    new_step,
    repair_step,
    search_step,
)
from euthymia.evidence.review.steps.decide import screen_step, simulate_step, stop_step, tag_step
from euthymia.evidence.review.steps.show import export_step, flow_step, link_step, report_step, trends_step

NAME = "review"
HELP = "Search, de-duplicate, screen and tag the literature, and tie papers to the model."

Step = tuple[str, Callable[[argparse.Namespace], int]]
STEPS: dict[str, Step] = {
    "new": ("make a review folder from a shipped one", new_step),
    "search": ("run the queries, or go on with a cut-off search (asks the network)", search_step),
    "import": (
        "read records from files: RIS, NBIB, BibTeX, CSV, ASReview, CSL-JSON, PubMed XML",
        import_step,
    ),
    "dedupe": ("find records that are the same paper, or settle a pair", dedupe_step),
    "screen": ("decide records, best first; ranks anew while you read", screen_step),
    "tag": ("suggest mechanisms from the vocabulary, or tag by hand", tag_step),
    "flow": ("PRISMA 2020 counts and figure", flow_step),
    "trends": ("share of mechanisms per year, and what is studied together", trends_step),
    "export": ("write records as RIS, BibTeX, CSL-JSON, CSV or for ASReview", export_step),
    "link": ("which parameters, edges and claims the papers support, and what is missing", link_step),
    "stop": ("what recall is reached, at what confidence", stop_step),
    "report": ("one HTML page that works offline", report_step),
    "repair": ("set unreadable log lines aside and seal the rest", repair_step),
    "simulate": (
        "replay a finished review: work saved, and where the tool would have stopped",
        simulate_step,
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the steps as sub-parsers."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "me"
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    made: dict[str, argparse.ArgumentParser] = {}
    for name, (text, _) in STEPS.items():
        made[name] = steps.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name == "simulate":
            made[name].add_argument(
                "file", type=Path, help="CSV with title, abstract and a column of labels 1 and 0"
            )
        else:
            made[name].add_argument("folder", help="review folder, or the name of a shipped review")
        made[name].add_argument("--json", action="store_true", help="print the result as JSON")
    for name in ("dedupe", "screen", "tag"):
        made[name].add_argument("--as", dest="reviewer", default=user, metavar="PERSON", help="who decides")
    made["new"].add_argument(
        "--template", default="mechanisms", help="shipped review to copy the settings of"
    )
    made["search"].add_argument(
        "--source",
        action="append",
        choices=("pubmed", "europepmc", "openalex"),
        help="only this source; may be repeated",
    )
    made["search"].add_argument(
        "--again", action="store_true", help="ask for the whole window, not only for what is new"
    )
    made["import"].add_argument("files", nargs="+", type=Path)
    made["import"].add_argument(
        "--format",
        default="",
        help="ris, nbib, bibtex, csv, asreview, csl, pubmed; else by the file's ending",
    )
    made["import"].add_argument("--source", default="", help="name of the database the file comes from")
    made["import"].add_argument(
        "--labels-by",
        default="",
        metavar="PERSON",
        help="take the file's inclusion labels over as this person's decisions",
    )
    made["dedupe"].add_argument(
        "--pair", nargs=3, metavar=("RECORD", "RECORD", "VERDICT"), help="settle a pair: same or different"
    )
    screen = made["screen"]
    screen.add_argument("--stage", default="title", choices=("title", "full text"))
    screen.add_argument("--next", type=int, default=0, metavar="N", help="only list the next N records")
    screen.add_argument("--record", default="", help="decide this record without the page")
    screen.add_argument("--verdict", default="", help="include, exclude, maybe or withdrawn")
    screen.add_argument("--reason", default="", help="reason of an exclusion, as named in review.yaml")
    screen.add_argument("--note", default="")
    screen.add_argument("--browser", action="store_true", help="the page in a browser on this machine")
    screen.add_argument("--port", type=int, default=0, help="its port; a free one if not given")
    screen.add_argument("--conflicts", action="store_true", help="list conflicts and Cohen's kappa")
    screen.add_argument("--settle", action="store_true", help="the verdict settles a conflict")
    made["tag"].add_argument("--record", default="", help="tag this record by hand")
    made["tag"].add_argument("--add", action="append", default=[], metavar="MECHANISM")
    made["tag"].add_argument("--remove", action="append", default=[], metavar="MECHANISM")
    made["trends"].add_argument("--all", action="store_true", help="every record, not only the included")
    made["export"].add_argument(
        "--format", default="ris", choices=("ris", "bibtex", "csl", "csv", "asreview")
    )
    made["export"].add_argument("--included", action="store_true", help="only included papers")
    made["export"].add_argument("--no-abstracts", action="store_true")
    for name in ("flow", "trends", "export", "link", "report"):
        made[name].add_argument("--out", type=Path, help="write to this file")
    made["simulate"].add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> int:
    """Run one step."""
    return STEPS[arguments.step][1](arguments)
