"""The base model's reading: true to its cases, and innocent of schema, prompt and curated rows."""

from __future__ import annotations

import json
import random
import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffdx_tui.config import data_directory
from diffdx_tui.domain.differential import Variant, fields_of
from diffdx_tui.domain.generated import read_generated
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.domain.verdict import judge
from diffdx_tui.domain.vignette import normalise
from diffdx_tui.engine.prompt import system_prompt
from trainer.mini import drills
from trainer.mini.base_command import make_author
from trainer.mini.cases import REGISTERS
from trainer.mini.chatter import read_chatter
from trainer.mini.documents import READ, Author, Document, thin
from trainer.mini.phrasings import kept_back
from trainer.mini.prose import names_condition
from trainer.mini.rows import OPENING
from trainer.mini.shapes import (
    ECHO,
    ECHO_END,
    ECHO_FIRST,
    ECHO_START,
    FRAME,
    LEADING,
    OTHER,
    REASON,
    Piece,
    copied,
    write_json,
)
from trainer.mini.telling import tell
from trainer.mini.unseen import UnseenCases, as_rows

KNOWLEDGE = data_directory() / "knowledge"
FIELDS = fields_of(Variant.A)
RUN = 9
"""Words in a row that no generated text may share with a curated or held-out vignette."""


@cache
def author(seed: int = 1) -> Author:
    return make_author(KNOWLEDGE, seed)


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [author().write(9000 + number) for number in range(500)]


def _runs(text: str, size: int = RUN) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[n : n + size]) for n in range(len(words) - size + 1)}


@cache
def _forbidden_runs() -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for name in ("vignettes.jsonl", "held_out.jsonl"):
        for line in (data_directory() / name).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found |= _runs(row["vignette"])
            for text in row.get("answer", {}).values():
                found |= _runs(text if isinstance(text, str) else " | ".join(text))
    for variant in Variant:
        found |= _runs(system_prompt(variant), 6)
    return found


@given(st.integers(min_value=0, max_value=10**9), st.integers(min_value=0, max_value=10**6))
@settings(max_examples=150, deadline=None)
def test_schema_prompt_and_curated_texts_are_in_no_document(seed: int, number: int) -> None:
    base = author()
    writer = Author.__new__(Author)
    writer.__dict__ = base.__dict__ | {"seed": seed}  # the same casebook, another seed
    writer._kinds = {getattr(writer, kind.__name__): n for kind, n in base._kinds.items()}
    document = writer.write(number)
    text = "\n".join(turn.text for turn in document.turns)
    assert not any(f'"{field}"' in text for field in FIELDS)
    assert not any(field in text for field in FIELDS if "_" in field)
    assert _forbidden_runs().isdisjoint(_runs(text) | _runs(text, 6)), text
    for turn in document.turns:
        for variant in Variant:
            assert not judge(turn.text, variant).verdict.lenient


def test_the_same_number_is_the_same_document() -> None:
    assert author(4).write(17) == make_author(KNOWLEDGE, 4).write(17)


def test_every_kind_is_written(documents: list[Document]) -> None:
    kinds = "json name discussion list letter findings questions copy recall repeat"
    assert {document.kind for document in documents} == set(kinds.split())


def test_no_wording_that_is_kept_back_is_in_a_case(documents: list[Document]) -> None:
    entries = read_knowledge(KNOWLEDGE)
    kept = {kept_back(c, f, r) for c in entries for f in c.findings for r in REGISTERS} - {""}
    told = {
        wording
        for condition in author().book.conditions
        for finding in condition.findings
        for register in REGISTERS
        for wording in getattr(finding, register)
    }
    assert len(kept) > 1500
    # Kept only where a finding had no other words.
    assert len(kept & told) < 10


def test_json_answers_parse_and_echo_exactly(documents: list[Document]) -> None:
    echoes = 0
    for document in documents:
        if document.kind != "json":
            continue
        answers = [turn.text for turn in document.turns if turn.role == "assistant"]
        value = json.loads(answers[0])
        assert document.told is not None
        echoes += document.told.text in value.values()
    assert echoes > 30


def test_cases_never_name_their_condition_and_pass_the_door(documents: list[Document]) -> None:
    for document in documents:
        if document.told is None:
            continue
        told = document.told
        assert not names_condition(told.text, told.case.condition)
        assert not re.search("[{}\ue000-\uf8ff]", told.text)
        assert normalise(told.text) == told.text


def test_mentions_end_where_the_words_end(documents: list[Document]) -> None:
    quoted = 0
    for document in documents:
        for mention in document.told.mentions if document.told else ():
            assert 0 < mention.end <= len(document.told.text)  # type: ignore[union-attr]
            if mention.quote:
                quoted += 1
                assert document.told.text[: mention.end].endswith(mention.quote)  # type: ignore[union-attr]
    assert quoted > 1000


def test_the_leading_reason_cites_only_what_the_case_states(documents: list[Document]) -> None:
    for document in documents:
        if document.told is None:
            continue
        told = document.told
        argument = author().reasoner.argue(told, random.Random(1))
        reason = argument.leading.reason
        stated = {f.id for f in told.case.present}
        own = {*argument.present, *argument.denied}
        for finding in told.case.condition.findings:
            if finding.id not in stated and len(finding.rationale.split()) > 2:
                free = any(finding.rationale in other for other in own)
                free |= any(finding.rationale in m.differs for m in told.case.condition.mimics)
                free |= finding.rationale in told.text
                assert free or finding.rationale not in reason, reason


def test_pairs_share_all_but_what_decides() -> None:
    contrasts = author().contrasts
    assert len(contrasts.pairs) > 200
    for seed in range(100):
        first, second = contrasts.draw_pair(random.Random(seed))
        assert first.condition != second.condition and first.patient == second.patient
        one, other = {f.id for f in first.present}, {f.id for f in second.present}
        assert len(one - other) <= 1 and len(other - one) <= 1 and one != other


def test_unseen_cases_use_only_what_was_kept_back() -> None:
    entries = {condition.id: condition for condition in read_knowledge(KNOWLEDGE)}
    cases = UnseenCases(entries.values(), seed=1).draw(60)
    assert len({told.case.condition.id for told in cases}) > 50
    for told in cases:
        condition = entries[told.case.condition.id]
        own = {finding.id: finding for finding in condition.findings}
        for finding in told.case.present:
            wording = getattr(finding, told.case.register)
            assert wording == (kept_back(condition, own[finding.id], told.case.register),)
    again = UnseenCases(entries.values(), seed=1).draw(60)
    assert [told.text for told in again] == [told.text for told in cases]


def test_the_set_of_generated_cases_is_what_its_command_writes() -> None:
    rows = read_generated(data_directory() / "generated.jsonl")
    drawn = UnseenCases(read_knowledge(KNOWLEDGE), seed=3001).draw(len(rows))
    assert as_rows(drawn) == list(rows)


@given(
    st.lists(
        st.tuples(st.text(max_size=9), st.text() | st.lists(st.text(), max_size=3)),
        unique_by=lambda field: field[0],
        min_size=1,
    ),
    st.sampled_from((0, 2, 4)),
)
def test_json_is_written_as_the_library_writes_it(
    fields: list[tuple[str, str | list[str]]], indent: int
) -> None:
    keyed = [(re.sub(r"\W", "", key) + str(n), value) for n, (key, value) in enumerate(fields)]
    values = [
        (key, [Piece(v, 1.0)] if isinstance(v, str) else [[Piece(part, 1.0)] for part in v])
        for key, v in keyed
    ]
    written = "".join(piece.text for piece in write_json(values, indent))
    plain = json.dumps(dict(keyed), ensure_ascii=False, indent=indent or None)
    assert written == plain


def test_of_a_thinned_case_only_names_are_learned_and_no_half_of_a_pair_is_thinned() -> None:
    kinds = set()
    for number in range(400):
        document = author().write(number)
        if document.told is not None and not document.told.mentions:
            kinds.add(document.kind)
            assert number % 8 >= 2 and len(document.turns) <= 3
            assert all(piece.weight != REASON for piece in document.turns[-1].pieces)
    assert kinds == {"name", "json"}


def test_a_thinned_case_is_part_of_the_case() -> None:
    book = author().book
    told = tell(book, book.draw(random.Random(1)), random.Random(1))
    thinned = thin(told, random.Random(2))
    words = iter(told.text.split(" "))
    assert all(word in words for word in thinned.text.split(" "))
    assert len(thinned.text) < len(told.text)
    shuffled = thin(told, random.Random(2), shuffled=1.0)
    assert shuffled.text != thinned.text
    assert sorted(shuffled.text.split(" ")) == sorted(thinned.text.split(" "))


def test_rare_tokens_are_copied_too() -> None:
    tokens = (" zzz", "qq")
    texts = [
        "".join(p.text for p in drills.repeat(random.Random(seed), tokens).turns[1].pieces)
        for seed in range(60)
    ]
    alone = [text for text in texts if not re.sub("zzz|qq| ", "", text)]
    assert 30 < len(alone) < 55 and len(set(alone)) == len(alone)


def test_chatter_stands_before_requests_and_knows_nothing_of_the_schema() -> None:
    chatter = read_chatter()
    assert len(chatter) > 1000
    words = {word for key in fields_of(Variant.A) for word in key.split("_")}
    assert not any(word in sentence.lower() for sentence in chatter for word in words)
    chatty = Author(author().book, author().book.conditions, 1, chatter)
    asked = [document.turns[0].text for document in map(chatty.write, range(120))]
    assert sum(any(one in text for one in chatter) for text in asked) > 10


def test_rewording_keeps_the_marks_in_the_right_order() -> None:
    book = author().book
    for seed in range(50):
        rng = random.Random(seed)
        told = tell(book, book.draw(rng), rng)
        ends = [mention.end for mention in told.mentions]
        assert ends == sorted(ends)


def test_weights_tell_kinds_of_tokens_apart() -> None:
    echo = (ECHO, ECHO_START, ECHO_FIRST, ECHO_END)
    weights = (LEADING, OTHER, REASON, FRAME, *echo, READ, OPENING)
    assert len(set(weights)) == len(weights)


def test_a_copys_two_ends_weigh_most() -> None:
    text = "A man of 50 has had crushing chest pain since this morning."
    pieces = write_json([("case", copied(text)), ("more", [Piece("Gout.", REASON)])], 2)
    heavy = [piece.text for piece in pieces if piece.weight in (ECHO_FIRST, ECHO_END)]
    assert heavy == ["A man of", '"', ","]
    assert json.loads("".join(piece.text for piece in pieces)) == {"case": text, "more": "Gout."}
