"""Pages of modules: typeset equations, facts with their data, nothing from outside."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from euthymia.analysis.facts import facts_of, modules_with_facts
from euthymia.biology import load_module, module_names
from euthymia.biology.variants import variants
from euthymia.cli import main
from euthymia.report.formula import equation, formula
from euthymia.report.module_page import module_page


def plain(mathml):
    """MathML back to a line of text, for comparison."""
    return "".join(ElementTree.fromstring(mathml).itertext())


def test_products_of_sums_keep_their_brackets():
    assert plain(formula("a*(b - c)")).replace("\u2062", "") == "a\u00b7(b\u2212c)"
    assert "(" not in plain(formula("a*b + c"))
    assert (
        plain(formula("a - (b - c)")) == "a\u2212(b\u2212c)"
        and plain(formula("a - b - c")) == "a\u2212b\u2212c"
    )
    assert plain(formula("(a + b)^2")) == "(a+b)2" and plain(formula("-(a + b)")) == "\u2212(a+b)"


def test_fractions_powers_and_time_constants():
    found = ElementTree.fromstring(equation("m.x", "(y - x)/m.tau_slow", rate=True))
    fractions = list(found.iter("mfrac"))
    assert len(fractions) == 2 and "".join(fractions[0].itertext()) == "dxdt"
    assert next(found.iter("msub"))[0].text == "\u03c4"


@pytest.mark.parametrize("name", [n for m in module_names() for n in (m, *(f"{m}.{v}" for v in variants(m)))])
def test_every_module_has_a_page_with_all_its_equations(name):
    module = load_module(*name.split(".", 1))
    page = module_page(module)
    assert page.count("<math") == len(module.states) + len(module.assignments)
    for mathml in re.findall(r"<math.*?</math>", page, re.S):
        ElementTree.fromstring(mathml)
    assert not re.search(r"(src|href)=['\"]?https?:", page) and "<script" not in page


@pytest.mark.parametrize("name", modules_with_facts())
def test_facts_pass_through_their_published_bands(name):
    for fact in facts_of(name):
        assert all(fact.inside()), fact.title


def test_a_page_draws_its_facts(tmp_path, capsys):
    file = tmp_path / "ions.html"
    assert main(["module", "ions", "--html", str(file)]) == 0
    page = file.read_text("utf-8")
    assert page.count("<svg") == len(facts_of("ions")) == 2 and "swardfager2013zinc" in page
    assert str(file) in capsys.readouterr().out


def test_the_network_page_is_whole_and_offline(tmp_path):
    file = tmp_path / "network.html"
    assert main(["network", "--profile", "core", "--html", str(file)]) == 0
    page = file.read_text("utf-8")
    assert page.count('class="node"') == 8 and "marker-end" in page and "http" not in page
