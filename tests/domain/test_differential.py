"""The one definition of the answer's shape, and everything derived from it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from diffdx_tui.domain.differential import (
    MODELS,
    UNFINISHED,
    Differential,
    Slot,
    Variant,
    escape,
    fields_of,
    render,
    schema_of,
    skeleton_of,
    slots_of,
    texts_of,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


def test_the_schema_is_the_references() -> None:
    assert fields_of(Variant.A) == (
        "symptoms",
        "most_likely",
        "possible",
        "unlikely_but_serious",
        "recommended_workup",
    )
    assert set(fields_of(Variant.A)) - set(fields_of(Variant.B)) == {"unlikely_but_serious"}
    assert set(fields_of(Variant.A)) - set(fields_of(Variant.C)) == {"recommended_workup"}


@pytest.mark.parametrize("variant", list(Variant))
@given(data=st.data())
def test_skeleton_and_slots_make_the_document(variant: Variant, data: st.DataObject) -> None:
    texts = {slot: data.draw(TEXT) for slot in slots_of(variant)}
    pieces = skeleton_of(variant)
    joined = pieces[0] + "".join(
        escape(texts[slot]) + piece
        for slot, piece in zip(slots_of(variant), pieces[1:], strict=True)
    )
    assert joined == render(variant, texts)
    assert texts_of(MODELS[variant].model_validate(json.loads(joined))) == texts


def test_missing_slots_are_marked() -> None:
    assert json.loads(render(Variant.A, {}))["possible"] == [UNFINISHED, UNFINISHED]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_possible_is_exactly_two(count: int) -> None:
    values = dict.fromkeys(fields_of(Variant.A), "x") | {"possible": ["x"] * count}
    with pytest.raises(ValidationError):
        Differential.model_validate(values)


def test_the_exported_schema_says_the_same() -> None:
    schema = schema_of(Variant.A)
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(fields_of(Variant.A))
    assert schema["properties"]["possible"]["minItems"] == 2
    assert schema["properties"]["possible"]["maxItems"] == 2


@pytest.mark.parametrize("variant", list(Variant))
def test_slot_names_round_trip(variant: Variant) -> None:
    assert [Slot.parse(slot.name) for slot in slots_of(variant)] == list(slots_of(variant))
