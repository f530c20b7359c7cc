"""How the cells of a table of observed exposures are written: numbers, doses, genes, tokens, spreads, references.

In: the text of one cell.  Out: plain values.  Assumed: a range ('1.5-1.7') stands for its middle, 'twice daily' and
its kin for their hours.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from euthymia.compounds.observation_words import impairment, release_in
from euthymia.units import parse_unit

MONTH = 30.0  # days
WEIGHT = 70.0  # kg, where a dose per kg is given without a weight
_MG = {"g": 1000.0, "ug": 0.001, "µg": 0.001, "mcg": 0.001, "mg": 1.0}
_EVERY = {
    "qd": 24.0, "od": 24.0, "daily": 24.0, "once daily": 24.0, "qhs": 24.0, "bid": 12.0, "bd": 12.0, "b.i.d.": 12.0,
    "twice daily": 12.0, "tid": 8.0, "tds": 8.0, "t.i.d.": 8.0, "three times daily": 8.0, "qid": 6.0, "q.i.d.": 6.0,
    "qw": 168.0, "weekly": 168.0, "once weekly": 168.0,
}  # fmt: skip
_TARGETS = {
    "SERT": "SLC6A4", "5HTT": "SLC6A4", "NET": "SLC6A2", "DAT": "SLC6A3", "D1": "DRD1", "D2": "DRD2", "D3": "DRD3",
    "D4": "DRD4", "D2/3": "DRD2", "D2/D3": "DRD2", "MAO": "MAOA", "NMDA": "GRIN1", "NMDAR": "GRIN1", "H1": "HRH1",
    "M1": "CHRM1", "MGLU5": "GRM5", "KOR": "OPRK1", "MOR": "OPRM1", "DOR": "OPRD1", "ALPHA2A": "ADRA2A", "ALPHA2": "ADRA2A",
    "ALPHA1": "ADRA1A", "SIGMA1": "SIGMAR1", "P2X7": "P2RX7", "GABAA": "GABRA1", "VMAT2": "SLC18A2", "TRKB": "NTRK2",
    "CB1": "CNR1", "MT1": "MTNR1A", "MT2": "MTNR1B", "GSK3": "GSK3B",
}  # fmt: skip
_NO_GENE = (
    "", "-", "none", "na", "n/a", "unknown", "mixed", "unselected", "all", "any", "not genotyped", "nm", "em", "normal",
    "normal metaboliser", "extensive metaboliser", "wild type", "wt",
)  # fmt: skip
_NUMBER = r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?"
_ALONE = re.compile(
    r"^(no|without|-)?\s*(co[\s_-]?medication|co[\s_-]?administration|inhibitor|inducer|perpetrator|interaction)?$|"
    r"^(given |drug |taken )?alone$|^none$|^placebo$|^baseline$|^control$|^mono[\s-]?therapy$|^before\b.*$"
)


@dataclass(frozen=True, slots=True)
class Given:
    """One drug as given beside the observed one: name, mg (0 where not stated), hours between doses (0: once)."""

    name: str
    dose: float = 0.0
    interval: float = 24.0


def number(text: str, what: str) -> float:
    """A number; '~12', '<5' and '1.5-1.7' count as 12, 5 and 1.6.

    Raises
    ------
    ValueError
        No number in it.

    >>> number("1.5-1.7", "value"), number("~12", "value"), number("1,250", "value"), number("16,5", "value")
    (1.6, 12.0, 1250.0, 16.5)
    """
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text.replace("−", "-").replace("–", "-"))
    plain = re.sub(r"(?<=\d),(?=\d{1,2}\b)", ".", plain)  # a decimal comma
    match = re.match(rf"[~<>=≈±\s]*({_NUMBER})(?:\s*(?:-|to)\s*(\d*\.?\d+))?", plain)
    if not match:
        raise ValueError(f"{what} '{text}' is not a number")
    low = float(match.group(1))
    return (low + float(match.group(2))) / 2 if match.group(2) else low


def hours(text: str) -> float:
    """Hours between doses: a number, or 'bid' and its kin; 0 for none or a single dose."""
    plain = text.strip().lower()
    if plain in ("", "single", "single dose", "sd", "once", "-", "na", "n/a"):
        return 0.0
    every = every_hours(plain)
    return number(plain, "interval_h") if every is None else every


def every_hours(words: str) -> float | None:
    """Hours of 'bid', 'q8h', 'every 12 h', 'per day' or '24 h'; None for anything else."""
    plain = re.sub(r"\bfor\b.*$", "", words.lower()).strip(" ()/,;:x")
    plain = re.sub(r"^(per|a|every|once a|once every)\s+", "", plain)
    if plain in _EVERY:
        return _EVERY[plain]
    if plain in ("day", "d", "24h", "night", "morning", "evening"):
        return 24.0
    if part := re.fullmatch(r"q?\s*(\d+(?:\.\d+)?)\s*(h|hr|hrs|hours?|d|days?)?", plain):
        return float(part.group(1)) * (24.0 if (part.group(2) or "h").startswith("d") else 1.0)
    if part := re.fullmatch(r"(\d)\s*(?:x|times)\s*(?:daily|a day|/d|per day)", plain):
        return 24.0 / float(part.group(1))
    return None


def duration(text: str, interval: float) -> float:
    """Days of treatment: inf at steady state, 0 for a single dose."""
    plain = text.strip().lower()
    if plain in ("ss", "steady state", "steady_state", "steady-state", "inf", "chronic"):
        return math.inf
    if plain in ("single", "sd", "single dose"):
        return 0.0
    if plain:
        unit = re.search(r"\d\s*(h|hours?|w|wk|weeks?|months?)\b", plain)
        days = {"h": 1 / 24, "w": 7.0, "m": MONTH}[unit.group(1)[0]] if unit else 1.0
        return number(plain, "duration_days") * days if interval else 0.0
    return math.inf if interval else 0.0


def mass(
    text: str, unit: str, weight: float, infusion: float, molar_mass: float, interval: float = 0.0
) -> float:
    """A dose in mg; '/kg' is multiplied with the weight (kg), '/h' with the hours of infusion.

    What is stated a day is divided over the doses of a day.

    Parameters
    ----------
    infusion : float
        h.
    molar_mass : float
        mg/nmol, for doses in mol; nan where unknown.
    interval : float
        h; 0 for a single dose.

    Raises
    ------
    ValueError
        The unit is no mass, or the dose is a rate without a time of infusion.
    """
    plain = (
        (unit or "mg")
        .strip()
        .replace("ug", "µg")
        .replace("mcg", "µg")
        .replace(" ", "")
        .replace("mEq", "mmol")
    )
    amount = number(text, "dose")
    for ending, hour in (
        ("/24h", 24.0),
        ("/day", 24.0),
        ("/d", 24.0),
        ("/h", 1.0),
        ("/hr", 1.0),
        ("/min", 1 / 60),
    ):
        if plain.endswith(ending):
            plain = plain.removesuffix(ending)
            if hour < 24:
                if not infusion:
                    raise ValueError(f"dose unit '{unit}' is a rate, so infusion_min is needed")
                amount *= infusion / hour
            elif interval:
                amount *= interval / hour
            break
    if plain.endswith("/kg"):
        plain, amount = plain.removesuffix("/kg"), amount * weight
    found = parse_unit(plain)
    kind = str(found.dimension)
    if kind == "mass":
        return amount * found.factor
    if found.dimension == parse_unit("nmol").dimension and math.isfinite(molar_mass):
        return amount * found.factor * molar_mass
    raise ValueError(f"dose unit '{unit}' is no mass")


def given(text: str) -> Given:
    """'fluvoxamine:100 mg:24' as a drug, its dose and its hours.

    >>> given("fluvoxamine:50 mg bid")
    Given(name='fluvoxamine', dose=50.0, interval=12.0)
    """
    plain = re.match(
        r"\s*([^:]*?)[\s(,]+(\d*\.?\d+\s*(?:mg|g|ug|µg|mcg)\b[^:)]*)\)?\s*$", text
    )  # 'paroxetine 20 mg daily', 'paroxetine (20 mg bid)'
    name, *rest = (part.strip() for part in (plain.groups() if plain and plain.group(1) else text.split(":")))
    dose = re.match(r"(\d*\.?\d+)\s*(mg|g|ug|µg|mcg)?\b", rest[0]) if rest else None
    amount = float(dose.group(1)) * _MG[dose.group(2) or "mg"] if dose else 0.0
    every = 24.0
    words = " ".join(rest[1:] or [rest[0][dose.end() :] if dose else ""]).strip().lower() if rest else ""
    if words:
        single = words in ("single", "single dose", "sd", "once")
        known = every_hours(words)
        every = 0.0 if single else number(words, f"interval of {name}") if known is None else known
    return Given(name, amount, every)


def genes(text: str) -> dict[str, str]:
    """'CYP2D6=PM;CYP2C19 activity score=1' by enzyme.

    >>> genes("CYP2D6 activity score=0.5; CYP2C19=*1/*2")
    {'CYP2D6': '0.5', 'CYP2C19': '*1/*2'}
    """
    found = {}
    for part in re.split(r"[;,]", text):
        plain = part.strip()
        if plain.lower() in _NO_GENE or plain.startswith("*"):
            continue
        match = re.match(r"(?:CYP[\s-]?)?(\d[A-Z]\d{1,2})\b[\s_:=]*(.*)$", plain, re.IGNORECASE)
        other = re.match(r"(UGT\w+|CYP\w+)\s*[=:\s]\s*(.*)$", plain, re.IGNORECASE)
        name, word = (
            (f"CYP{match.group(1)}", match.group(2)) if match else other.groups() if other else ("", "")
        )
        word = re.sub(
            r"^[\s_]*(activity[\s_]*score|as|genotype|phenotype|diplotype)\b[\s_:=]*",
            "",
            word,
            flags=re.IGNORECASE,
        )
        word = re.sub(r"[\s-]*metaboli[sz]ers?\b", "", word, flags=re.IGNORECASE).strip(" =()")
        if not name or not word:
            raise ValueError(
                f"phenotype '{plain}' is not understood; write 'CYP2D6=PM' or 'CYP2D6 activity score=0.5'"
            )
        found[name.upper()] = word
    return found


def tokens(text: str) -> dict[str, str]:
    """The `key=value` parts of a free text; bare words that mean something count as such."""
    found = {
        k.strip().lower(): v.strip()
        for k, _, v in (part.partition("=") for part in re.split(r"[;,]", text))
        if v.strip()
    }
    words = text.lower()
    if "formulation" not in found and (release := release_in(text)):
        found["formulation"] = release
    if "smoker" not in found and (word := re.search(r"\b(non[\s-]?|no )?smokers?\b", words)):
        found["smoker"] = "no" if word.group(1) else "yes"
    for key, level in impairment(text).items():
        found.setdefault(key, str(level))
    return found


def is_yes(text: str) -> bool:
    """Whether a token means yes."""
    return text.strip().lower() in ("1", "yes", "true", "y", "smoker", "current", "smokers")


def is_patch_rate(route: str, unit: str) -> bool:
    """Whether a dose is what a patch delivers in a day ('6 mg/24 h') rather than what it holds."""
    plain = unit.replace(" ", "").lower()
    return route.strip().lower() in ("transdermal", "td", "patch") and plain.endswith(("/24h", "/d", "/day"))


def variation(text: str, value: float) -> float:
    """A coefficient of variation from 'CV 45 %', '45%', 'cv=0.45' or 'SD 12'; nan where none is meant.

    >>> variation("CV 45 %", 20), variation("SD 5", 20), variation("95% CI 1-2", 20)
    (0.45, 0.25, nan)
    """
    plain = text.strip()
    if match := re.search(r"\bcv\D{0,4}(\d*\.?\d+)\s*(%?)", plain, re.IGNORECASE):
        size = float(match.group(1))
        return size / 100 if match.group(2) or size > 3 else size
    if re.search(r"\b(ci|sem?|range|iqr|interval)\b", plain, re.IGNORECASE):
        return math.nan
    if match := re.search(r"(?:\bsd\b\D{0,3}|±\s*)(\d*\.?\d+)\s*(%?)", plain, re.IGNORECASE):
        size = float(match.group(1))
        return size / 100 if match.group(2) else size / value if value else math.nan
    if match := re.fullmatch(r"(\d*\.?\d+)\s*(?:%|percent)", plain):
        return float(match.group(1)) / 100
    return math.nan


def gene(text: str) -> str:
    """The gene of a target's usual name.

    >>> gene("SERT"), gene("5-HT1A"), gene("slc6a2")
    ('SLC6A4', 'HTR1A', 'SLC6A2')
    """
    plain = re.sub(r"[\s_-]|receptor", "", text.strip().upper().replace("Α", "A"), flags=re.IGNORECASE)
    if plain in _TARGETS:
        return _TARGETS[plain]
    if match := re.fullmatch(r"5HT(\d[A-F]?)R?", plain):
        return f"HTR{match.group(1)}" if match.group(1) != "3" else "HTR3A"
    return plain


def unit_text(text: str) -> str:
    """A unit as units are written here: 'ng·h/mL', 'ng.hr/mL' and 'h*ng/mL' are one; mEq of lithium are mmol.

    >>> unit_text("ng·h/mL"), unit_text("ug*hr/L"), unit_text("mEq/L")
    ('ng*h/mL', 'µg*h/L', 'mmol/L')
    """
    plain = text.strip().replace("·", "*").replace("⋅", "*").replace("×", "*").replace("μ", "µ")
    plain = re.sub(r"(?<=[A-Za-z])[.\s](?=[A-Za-z])", "*", plain)
    plain = re.sub(r"\bhr?s?\b", "h", plain)
    plain = re.sub(r"\b(?:ug|mcg)\b", "µg", plain)
    return re.sub(r"\bmEq\b", "mmol", plain)


def parse_reference(text: str) -> tuple[bool, dict[str, str]]:
    """What the denominator of a ratio differs in: (without co-medication?, {column: value}).

    Raises
    ------
    ValueError
        A part that means nothing here.

    >>> parse_reference("no co_medication; CYP2D6=NM")
    (True, {'CYP2D6': 'NM'})
    """
    alone, changes = False, {}
    for part in re.split(r"[;,]", text):
        plain = part.strip()
        key, sign, word = (p.strip() for p in plain.partition("="))
        if not plain:
            continue
        if not sign and (
            _ALONE.match(plain.lower()) or plain.lower().startswith(("without ", "no co", "alone", "placebo"))
        ):
            alone = True
        elif sign and re.match(r"(CYP|UGT|\d[A-Z]\d)", key, re.IGNORECASE):
            changes.update(genes(plain))
        elif sign:
            changes[key.lower().replace(" ", "_").replace("-", "_")] = word
        elif re.fullmatch(r"(NM|EM|PM|IM|UM|RM)s?", plain, re.IGNORECASE):
            changes["phenotype"] = plain.upper().rstrip("S")
        elif plain.lower() in (
            "wild type",
            "wild-type",
            "wildtype",
            "*1/*1",
            "extensive metabolisers",
            "normal metabolisers",
            "extensive metabolizers",
            "normal metabolizers",
        ):
            changes["phenotype"] = "NM"
        elif plain.lower() in ("nonsmoker", "non-smoker", "nonsmokers", "non-smokers"):
            changes["smoker"] = "no"
        elif plain.lower() in ("parent", "parent drug", "parent compound"):
            changes["analyte"] = "parent"
        elif re.match(r"(CYP|\d[A-Z]\d)", plain, re.IGNORECASE):
            changes.update(genes(plain))
        else:
            raise ValueError(
                f"reference '{plain}' is not understood; write 'no co_medication', 'CYP2C19=NM', 'analyte=...' or "
                "'column=value'"
            )
    return alone, changes
