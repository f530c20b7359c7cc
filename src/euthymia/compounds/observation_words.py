"""Words of tables of observed exposures: metrics, routes, formulations, salts, organ impairment.

In: the text of one cell.  Out: the library's own words.  Assumed: doses are as labels state them, so
that the name of a salt is left out; impairment in words stands for a usual function (`_KIDNEY`, `_LIVER`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

METRICS = (
    "Cmax",
    "Cmin",
    "Cavg",
    "AUC_tau",
    "AUC_inf",
    "t_half",
    "AUC_ratio",
    "Cmax_ratio",
    "Css_ratio",
    "occupancy",
)
_METRIC = {m.lower(): m for m in METRICS} | {
    word: metric
    for metric, words in {
        "Cavg": "css css_avg css_av css_mean cssav c_avg cmean conc concentration c level cavg_ss css_ss c_ss average",
        "Cmin": "cmin_ss css_min trough c_trough ctrough ctau c_tau c0 c_0 predose css_trough c_min cmin_tau",
        "Cmax": "cmax_ss css_max peak c_max c_peak cpeak",
        "AUC_tau": "auc auc_ss auc0_tau auc_0_tau auctau auc_tau_ss auc_tau_ss auc_ss_tau",
        "AUC_inf": "auc0_inf auc_0_inf auclast auc_last aucinf auc_0_last auc0_last auc_0_t auc0_t auc_t aucinfinity auc_0_infinity",
        "t_half": "t1/2 t1_2 t_1_2 t12 halflife thalf half_life t_1/2 terminal_half_life t1_2_beta elimination_half_life",
        "occupancy": "occ receptor_occupancy transporter_occupancy inhibition",
        "AUC_ratio": "aucr auc_fold fold_auc auc_fold_change",
        "Cmax_ratio": "cmaxr cmax_fold",
        "Css_ratio": "c_ratio ratio cssr concentration_ratio level_ratio",
    }.items()
    for word in words.split()
}  # fmt: skip
_ROUTE = {
    "po": "oral", "peroral": "oral", "by_mouth": "oral", "tablet": "oral", "capsule": "oral", "oral_solution": "oral",
    "iv": "intravenous", "ivinfusion": "intravenous", "iv_infusion": "intravenous", "iv_bolus": "intravenous",
    "infusion": "intravenous", "im": "intramuscular", "sc": "subcutaneous", "sl": "sublingual", "in": "intranasal",
    "nasal": "intranasal", "td": "transdermal", "patch": "transdermal",
}  # fmt: skip
_EXTENDED = re.compile(
    r"(xr|xl|sr|er|cr|mr|pr|la|oros|(extended|modified|sustained|controlled|prolonged)_release)"
)
_IN_WORDS = re.compile(r"\b(XR|XL|SR|ER|CR|MR|PR)\b")
_SALT = re.compile(
    r"\b(mono|di|hemi)?(hydrochloride|hcl|hydrobromide|hbr|oxalate|maleate|fumarate|mesylate|mesilate|succinate|"
    r"tartrate|bitartrate|besylate|sulfate|sulphate|citrate|phosphate|acetate|sodium|base|monohydrate)\b",
    re.IGNORECASE,
)
# what words stand for, mL/min and share of a normal liver: middles of the usual classes, assumed
_KIDNEY = ((r"dialysis|esrd|end.?stage", 8.0), ("severe", 20.0), ("moderate", 45.0), ("mild", 75.0))
_LIVER = (("severe|class c|pugh c", 0.3), ("moderate|class b|pugh b", 0.5), ("mild|class a|pugh a", 0.75))

_FOOD = (
    ("fasted", r"fasted|fasting|empty stomach|without food|food ?= ?(?:no|fasted)"),
    (
        "fed",
        r"fed|with (?:food|a meal)|postprandial|food ?= ?(?:yes|fed)|after (?:food|(?:a )?(?:\w+ ){0,3}(?:meal|breakfast))",
    ),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured: the metric, and what its name says of the time (h; 0 where nothing)."""

    metric: str
    at: float = 0.0
    window: float = 0.0


def measured(text: str) -> Measured | None:
    """The metric that a name means; None where it means none.

    >>> measured("AUC(0-24)"), measured("C12h").at, measured("Css,av").metric, measured("Tmax")
    (Measured(metric='AUC_tau', at=0.0, window=24.0), 12.0, 'Cavg', None)
    """
    plain = text.strip().lower().replace("½", "1/2").replace("∞", "inf").replace("–", "-").replace("→", "-")
    plain = re.sub(r"[\s\-()\[\],.]+", "_", plain).strip("_")
    if plain in _METRIC:
        return Measured(_METRIC[plain])
    ratio = re.fullmatch(r"(.*?)_?(ratio|fold|fold_change)", plain)
    found = measured(ratio.group(1)) if ratio and ratio.group(1) else None
    if ratio and found:
        kind = {"AUC_tau": "AUC_ratio", "AUC_inf": "AUC_ratio", "Cmax": "Cmax_ratio"}.get(found.metric)
        if kind is None and found.metric not in ("Cavg", "Cmin"):
            return None
        return Measured(kind or "Css_ratio", 0.0, found.window)
    if part := re.fullmatch(r"auc_?0?_(\d+(?:\.\d+)?)_?h?r?(?:_ss)?", plain):
        return Measured("AUC_tau", 0.0, float(part.group(1)))
    if part := re.fullmatch(r"c_?(\d+(?:\.\d+)?)_?h", plain):
        return Measured("Cavg", float(part.group(1)), 0.0)
    return None


def route_of(text: str) -> str:
    """The library's word for a route.

    >>> route_of("i.v. infusion"), route_of("p.o."), route_of("transdermal")
    ('intravenous', 'oral', 'transdermal')
    """
    plain = re.sub(r"[\s-]+", "_", text.strip().lower().replace(".", ""))
    return _ROUTE.get(plain, plain)


def formulation_of(text: str) -> str:
    """'XR', 'sustained release' and their kin as 'extended_release', a solution as 'immediate_release'; else as it is.

    >>> formulation_of("XL"), formulation_of("solution"), formulation_of("tablet")
    ('extended_release', 'immediate_release', 'tablet')
    """
    plain = re.sub(r"[\s-]+", "_", text.strip().lower())
    if plain in ("solution", "oral_solution", "immediate", "ir"):
        return "immediate_release"
    return "extended_release" if _EXTENDED.fullmatch(plain) else plain


def release_in(text: str) -> str:
    """'extended_release' where the words of a text say so, else ''."""
    plain = text.lower().replace("-", "_").replace(" ", "_")
    said = _IN_WORDS.search(text) or re.search(
        r"(extended|modified|sustained|controlled|prolonged)_release", plain
    )
    return "extended_release" if said else ""


def food_in(text: str) -> str:
    """'fed' or 'fasted' where the words of a text say so (the last of them counts), else ''.

    >>> food_in("healthy, fasting"), food_in("after a high-fat breakfast"), food_in("fed;food=no"), food_in("n=12")
    ('fasted', 'fed', 'fasted', '')
    """
    plain = text.lower().replace("-", " ").replace("_", " ")
    said = [(part.start(), word) for word, words in _FOOD for part in re.finditer(rf"\b(?:{words})\b", plain)]
    return max(said)[1] if said else ""


def without_salt(text: str) -> str:
    """A drug's name without its salt or release.

    >>> without_salt("citalopram hydrobromide"), without_salt("venlafaxine XR")
    ('citalopram', 'venlafaxine')
    """
    plain = _IN_WORDS.sub(" ", _SALT.sub(" ", text))
    plain = re.sub(
        r"\b(extended|modified|sustained|controlled|prolonged)[\s_-]release\b",
        " ",
        plain,
        flags=re.IGNORECASE,
    )
    return " ".join(plain.split()) or text


def spellings(text: str) -> list[str]:
    """Other ways to write a name: without salt or release, 'OH' as 'hydroxy', 'demethyl' as 'desmethyl'.

    >>> spellings("N-demethylmirtazapine")[-1], spellings("3-OH-gepirone")[-1]
    ('desmethylmirtazapine', '3-hydroxygepirone')
    """
    found = [without_salt(text)]
    for wrong, right in (
        (r"[-\s]?\bOH[-\s]+|hydroxy[-\s]+", lambda m: ("-" if m.group().startswith("-") else "") + "hydroxy"),
        (r"\b(n[-\s])?(mono)?(des|de)methyl[-\s]?", "desmethyl"),
    ):
        new = re.sub(wrong, right, found[-1], flags=re.IGNORECASE)
        if new != found[-1]:
            found.append(new)
    return found


def impairment(text: str) -> dict[str, float]:
    """Kidney (mL/min) and liver function (1 = normal) that a population's words say.

    >>> impairment("severe renal impairment"), impairment("CrCl 25 mL/min"), impairment("Child-Pugh B")
    ({'egfr': 20.0}, {'egfr': 25.0}, {'hepatic': 0.5})
    """
    words, found = text.lower().replace("-", " "), {}
    if part := re.search(
        r"\b(?:e?gfr|crcl|cl ?cr|creatinine clearance)\s*(?:of|=|:|about)?\s*(\d+(?:\.\d+)?)", words
    ):
        found["egfr"] = float(part.group(1))
    for key, organ, classes in (
        ("egfr", "renal|kidney", _KIDNEY),
        ("hepatic", "hepatic|liver|child pugh", _LIVER),
    ):
        for names, level in classes:
            alone = names.startswith("dialysis") and re.search(rf"\b(?:{names})", words)
            near = re.search(rf"\b(?:{names})\s+(?:{organ})|\bchild (?:{names})\b", words)
            if key not in found and (alone or near) and f"{key}=" not in words.replace(" ", ""):
                found[key] = level
    return found
