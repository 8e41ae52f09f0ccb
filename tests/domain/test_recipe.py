"""Recipes: what is refused and in which words, what comes back from JSON, what lists show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.recipe import (
    ABLATIONS,
    DEFAULT,
    Recipe,
    RecipeError,
    ablation,
    describe,
    differences,
    read_recipe,
)


def test_the_default_is_the_references_recipe() -> None:
    assert (DEFAULT.rank, DEFAULT.alpha, DEFAULT.epochs) == (8, 16, 3)
    assert (DEFAULT.precision, DEFAULT.double_quant, DEFAULT.targets) == (
        "nf4",
        True,
        "all-linear",
    )
    assert DEFAULT.variant is Variant.A and DEFAULT.data == "curated"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rank": 0}, "rank: must be at least 1, got 0"),
        ({"rank": True}, "rank: must not be true"),
        ({"rank": "eight"}, "rank: must be a whole number, got 'eight'"),
        ({"rank": 8.5}, "rank: must be a whole number, got 8.5"),
        ({"rate": 0}, "rate: must be more than 0, got 0"),
        ({"rate": "nan"}, "rate: must be a number, got 'nan'"),
        ({"dropout": 1}, "dropout: must be less than 1, got 1"),
        ({"seed": 2**40}, "seed: must be less than 4,294,967,296"),
        ({"variant": "D"}, "variant: must be 'A', 'B' or 'C', got 'D'"),
        ({"precision": "int8"}, "precision: must be 'nf4', 'bf16', 'fp16', 'fp32' or 'auto'"),
        ({"schedule": None}, "schedule: must be 'cosine', 'linear' or 'constant', got None"),
        ({"double_quant": "perhaps"}, "double_quant: must be true or false"),
        ({"targets": []}, "targets: must be all-linear or a list"),
        ({"targets": 3}, "targets: must be all-linear or a list"),
        ({"targets": "q_proj,"}, "targets: '' is no module's name"),
        ({"targets": ["../x"]}, "targets: '../x' is no module's name"),
        ({"base": " "}, "base: must not be empty"),
        ({"base": "a\x1b[2J"}, "base: has characters that cannot be shown"),
        ({"data": None}, "data: must be text, got None"),
        ({"fold": 5}, "fold: must be less than 5, got 5"),
        ({"micro_batch": 9}, "micro_batch 9 is larger than batch 8"),
        ({"fold": 0, "data": "rows.jsonl"}, "fold is of the curated cases"),
        ({"rnak": 8}, "rnak: there is no such setting; known: base, "),
    ],
)
def test_what_cannot_be_used_is_said_in_plain_words(values: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as refused:
        read_recipe(values)
    assert str(refused.value).startswith(message)


def test_every_problem_is_named() -> None:
    with pytest.raises(RecipeError) as refused:
        read_recipe({"rank": 0, "rate": -1, "epochs": "x"})
    assert set(refused.value.problems) == {"rank", "rate", "epochs"}


def test_text_of_a_form_is_taken() -> None:
    recipe = read_recipe(
        {"rank": "4", "rate": "1e-4", "targets": "q_proj, v_proj", "double_quant": "false"}
    )
    assert (recipe.rank, recipe.rate, recipe.double_quant) == (4, 1e-4, False)
    assert recipe.targets == ("q_proj", "v_proj")


@given(
    st.builds(
        Recipe,
        rank=st.integers(1, 1024),
        rate=st.floats(1e-9, 1.0),
        fold=st.none() | st.integers(0, 4),
        targets=st.just("all-linear") | st.lists(st.from_regex(r"\A[a-z_]{1,9}\Z"), min_size=1),
        variant=st.sampled_from(Variant),
        max_tokens=st.none() | st.integers(16, 10**6),
    )
)
def test_json_gives_the_same_recipe_back(recipe: Recipe) -> None:
    assert read_recipe(json.loads(json.dumps(recipe.as_dict()))) == recipe


def test_every_ablation_is_a_recipe_and_differs_as_it_says() -> None:
    for name, changes in ABLATIONS.items():
        recipe = read_recipe(ablation(name))
        assert set(differences(recipe)) == set(changes) - ({"variant"} if name == "A" else set())
    with pytest.raises(RecipeError, match="'Z' is none of A, B, C"):
        ablation("Z")


def test_a_list_shows_what_differs() -> None:
    assert describe(DEFAULT) == "mini A"
    recipe = read_recipe({"variant": "C", "rank": 4, "shared_prefix": False, "rate": 1e-4})
    assert describe(recipe) == "mini C, rank 4, rate 0.0001, shared prefix no"


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        DEFAULT.rank = 4  # type: ignore[misc]
