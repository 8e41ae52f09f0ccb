"""The lexicon: spelling, the pattern language, the files, and faults planted in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffdx_tui.domain.clauses import Break, fold, tokenise
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.domain.lexicon import LexiconError, enrich, findings_directory, read_lexicon
from diffdx_tui.domain.phrase_trie import PatternError, PhraseTrie

# ----------------------------------------------------------- tokens and patterns


def test_folding_meets_both_spellings() -> None:
    assert fold("Haemorrhage") == fold("hemorrhage")
    assert fold("oedema") == fold("edema")
    assert fold("tumour") == fold("tumor")
    assert fold("generalised") == fold("generalized")
    assert fold("can't") == fold("can’t") == "cant"


def test_clauses() -> None:
    tokens = tokenise("no fever, but 38.5. New line")
    assert [token.word for token in tokens] == ["no", "fever", "but", "38.5", "new", "line"]
    assert [token.before for token in tokens][2:5] == [Break.COMMA, Break.NONE, Break.CLAUSE]


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("stiff neck", "a STIFF-neck", True),
        ("stiff neck", "stiff. Neck", False),
        ("pain .. neck", "pain in the whole neck", True),
        ("pain .. neck", "pain but no neck", False),
        ("pain .. neck", "pain all over his left neck", False),
        ("(very)? stiff", "stiff", True),
        ("eyelids? red", "eyelid red", True),
        ("eyelids? red", "red", False),
        ("vomit*", "vomiting", True),
        ("HA", "ha", False),
        ("HA", "HA", True),
        ("(a|b (c|d)) e", "b d e", True),
    ],
)
def test_patterns(pattern: str, text: str, matches: bool) -> None:
    trie: PhraseTrie[str] = PhraseTrie()
    trie.add(pattern, "x")
    assert bool(trie.find(tokenise(text))) is matches


@pytest.mark.parametrize("pattern", ["", ".. x", "x ..", "(a|b", "a)", "(a)?", "ab*", "*"])
def test_bad_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        PhraseTrie[str]().add(pattern, "x")


# -------------------------------------------------------------- the lexicon's files


def test_the_lexicon_is_complete_enough() -> None:
    lexicon = read_lexicon()
    assert len(lexicon.written) >= 250
    assert all(lexicon.entries[finding].name for finding in lexicon.written)
    assert all(finding not in lexicon.implied[finding] for finding in lexicon.entries)


def test_enrichment_is_safe() -> None:
    """Taken phrases neither negate nor belong to two findings."""
    forms = enrich(read_knowledge(findings_directory().parent / "knowledge"))
    phrases = [form for taken in forms.values() for form in taken]
    assert len(phrases) == len(set(phrases)) > 1000
    assert not any({"no", "not", "without"} & set(form.split()) for form in phrases)


FAULTS = {
    "twice": "- {id: a, name: aa, forms: [xx]}\n- {id: a, name: aa, forms: [yy]}",
    "neither forms": "- {id: a, name: aa}",
    "implies": "- {id: a, name: aa, forms: [xx], implies: [b]}",
    "extra": "- {id: a, name: aa, forms: [xx], shape: round}",
    "bracket": "- {id: a, name: aa, forms: ['(x|y']}",
    "list": "a: 1",
    "YAML": "- {",
    "at_least or at_most": "- {id: a, name: aa, numeric: [{measure: pulse}]}",
    "measure": "- {id: a, name: aa, numeric: [{measure: shoe size, at_least: 1}]}",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults(fault: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(FAULTS[fault], encoding="utf-8")
    with pytest.raises(LexiconError, match=fault):
        read_lexicon(tmp_path)
