"""The screening page in a terminal: one record at a time, one key per decision, saved at once.

In: a `Session`, a reader of keys, a writer of text.  Keys: i include, e exclude (then the reason's number), m maybe,
n note for the next decision, u undo, s state of the review, h help, q quit.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable

from euthymia.errors import EuthymiaError
from euthymia.evidence.review.records import Record, links
from euthymia.evidence.review.session import Session
from euthymia.evidence.review.vocabulary import vocabulary

WIDTH = 96
HELP = "i include   e exclude   m maybe   n note   u undo   s state   h help   q quit (all is saved)"


def read_key() -> str:
    """One key from the terminal without Enter; a line's first letter where there is no terminal."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        return line.strip()[:1] if line else "q"
    try:
        import termios
        import tty
    except ImportError:  # pragma: no cover - Windows
        import msvcrt

        return msvcrt.getwch()  # type: ignore[attr-defined,no-any-return]
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    try:
        tty.setcbreak(handle)
        return sys.stdin.read(1)
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)


def page(record: Record, session: Session, width: int = WIDTH) -> str:
    """One record as a page of text, with the mechanisms its words name."""
    found = vocabulary().found(f"{record.text} {record.keywords}")
    lines = [*textwrap.wrap(record.title, width), ""]
    facts = [
        str(record.year or ""),
        record.journal,
        record.type,
        record.language,
        record.access,
        record.record,
    ]
    lines += textwrap.wrap(record.authors, width)[:2] + ["  ".join(f for f in facts if f)]
    if session.stage == "full text":
        lines += [f"  {address}" for _, address in links(record)]
    if record.status != "ok":
        lines.append(f"*** {record.status.upper()} ***")
    lines += ["", *textwrap.wrap(record.abstract or "(no abstract)", width), ""]
    if found:
        lines.append(
            "named: " + "; ".join(f"{name} ({', '.join(words[:3])})" for name, words in found.items())
        )
    others = session.states.get((record.record, session.stage))
    if others and not session.review.settings.double:
        lines.append("decided by others: " + ", ".join(others.by))
    return "\n".join(lines)


def screen(
    session: Session,
    key: Callable[[], str] = read_key,
    line: Callable[[str], str] = input,
    write: Callable[[str], None] = print,
) -> int:
    """Run a session until the person quits or nothing is left; return the number of decisions made.

    A fault while saving (a full disk) is shown, and the same record is asked again.
    """
    made, note, reasons = 0, "", list(session.review.settings.exclude.items())
    told, shown, last = False, "", ""
    while queue := session.queue():
        record = queue[0]
        if record.record != shown:
            write("\n" + "-" * WIDTH + "\n" + page(record, session))
            shown = record.record
        state = session.stop() if session.stage == "title" else None
        if state and state.reached and not told:
            write(f"\n*** {state} ***")
            told = True
        total, done = session.progress()
        write(f"\n{done} of {total} read, {made} in this session" + (f"; last: {last}" if last else ""))
        write(("note: " + note + "\n" if note else "") + HELP)
        while True:
            pressed = key().lower()
            if pressed in "iemnushq" and pressed:
                break
        if pressed == "q":
            break
        try:
            if pressed in "im":
                session.decide(record.record, {"i": "include", "m": "maybe"}[pressed], "", note)
                made, note, last = made + 1, "", session.last
            elif pressed == "e":
                reason = _reason(reasons, key, write)
                if reason:
                    session.decide(record.record, "exclude", reason, note)
                    made, note, last = made + 1, "", session.last
            elif pressed == "n":
                note = line("note: ").strip()
            elif pressed == "u":
                back = session.undo()
                made -= bool(back)
                last = f"withdrawn {back}" if back else "nothing to undo in this session"
            else:
                write(HELP if pressed == "h" else str(session.stop()))
        except EuthymiaError as error:
            write(f"NOT SAVED: {error}")
    else:
        write("nothing is left to decide at this stage")
    return made


def _reason(reasons: list[tuple[str, str]], key: Callable[[], str], write: Callable[[str], None]) -> str:
    """The reason chosen by its number; empty where the person took it back."""
    if len(reasons) == 1:
        return reasons[0][0]
    lines = [f"  {n} {name}: {says}" for n, (name, says) in enumerate(reasons, start=1)]
    write("\n".join([*lines, "  any other key: back"]))
    pressed = key()
    return reasons[int(pressed) - 1][0] if pressed.isdigit() and 0 < int(pressed) <= len(reasons) else ""
