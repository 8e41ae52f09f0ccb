"""Initial weights that already copy: previous-token heads below, matching heads above.

Role: starts a Qwen2 model as an exact copier.  The first embedded model never learned to repeat a
vignette; here the circuit that does it (Olsson et al. 2022, induction heads) stands before the
first step, and training only has to decide when to use it.

Every token has a code of a few fixed dimensions within its vector.  Layer 0 looks back by position
alone: with rotary embeddings, constant query and key vectors give a score that depends on the
distance only, and their phases are set so that it peaks one, two and three tokens back; the codes
found there are written into three subspaces beside the embedding.  A fourth head adds the code of
four tokens back, fainter, to that of three: what tells apart places where the same three tokens
went before.

In layer 1 two heads, each with half of the code, look for places whose three preceding tokens are
the current three, in the rotary pairs that hardly turn over a vignette's length, and write the
token found there into the embedding's subspace, where the tied head reads it out.  With no such
place they rest on the turn mark that opens the text, whose value is nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from transformers import Qwen2ForCausalLM

from diffdx_tui.engine.tokenizer import Tokenizer

LOOKBACK = 3
"""Tokens that have to agree for a full match."""


@dataclass(frozen=True, slots=True)
class CopierScales:
    """Sizes of the parts, chosen by ``tests/trainer/test_mini_copier.py``'s task.

    Attributes:
        embedding: length of a token's vector, kept: the norms after it must stay as they are.
            Small, so that a vector is soon learned anew.
        logit: logit of a token's own vector read out.
        positional: attention score per rotary pair of the look-back heads.
        match: attention score of three agreeing tokens.
        rest: attention score of the turn mark: nearly always above two agreeing tokens, below
            three.
        back: length of the code that is written of one token before.
        fourth: length of the code of four tokens before, as a share of that.
        written: length of what the matching heads write: longer than what other layers add, or
            the copy is drowned once they have learned to speak.
        chance: what is left of the random weights that write to the residual stream.
        evidence: largest share of a vector's length, less the code, that evidence may take: the
            rest tells apart tokens that say the same.
    """

    embedding: float = 0.3
    logit: float = 11.0
    positional: float = 14.0
    match: float = 60.0
    rest: float = 52.0
    back: float = 0.25
    fourth: float = 0.6
    written: float = 10.0
    chance: float = 1.0
    evidence: float = 0.75


class _Plan:
    """Which dimensions of the residual stream and of a head hold what."""

    def __init__(self, model: Qwen2ForCausalLM) -> None:
        config = model.config
        self.hidden, self.heads = config.hidden_size, config.num_attention_heads
        self.groups = config.num_key_value_heads
        self.width = self.hidden // self.heads
        self.pairs = self.width // 2
        self.half = (self.pairs - 2) // LOOKBACK  # of a code; the codes of three fit into a head
        self.part = 2 * self.half
        self.words = self.hidden - LOOKBACK * self.part - 1  # less the turn mark's own
        self.mark = self.words
        self.code = slice(self.words - self.part, self.words)
        slow = range(self.pairs // 2, self.pairs)
        self.fast = list(range(self.pairs // 2))
        matching = [*slow, *(pair + self.pairs for pair in slow)]
        self.resting = self.pairs - 1
        self.matching = [n for n in matching if n not in (self.resting, self.resting + self.pairs)]
        theta = config.rope_parameters["rope_theta"]
        self.turn = theta ** (-torch.arange(self.pairs) / self.pairs)
        if self.heads // self.groups < 2 or self.groups < 2:
            raise ValueError("the copier needs two key-value groups of at least two heads")

    def rows(self, head: int) -> slice:
        """The rows of a head (or of a key-value group) in its projection."""
        return slice(head * self.width, (head + 1) * self.width)

    def halves(self) -> tuple[slice, slice]:
        """The two halves of the code, one for each matching head."""
        middle = self.code.start + self.half
        return slice(self.code.start, middle), slice(middle, self.words)

    def looked_back(self, distance: int) -> slice:
        """Where the code of the token *distance* before (0 to 3) stands."""
        if distance == 0:
            return self.code
        start = self.mark + 1 + (distance - 1) * self.part
        return slice(start, start + self.part)


def tokens_alike(tokenizer: Tokenizer) -> dict[int, int]:
    """Tokens that stand in a copy in JSON where another one stands in the text.

    A copy's second token comes after ``": "`` and the first, the text's after ``user``, the line's
    end and the first.  Inside, quotes are escaped.
    """
    pairs = {' "': "\n", ' \\"': "\n", '":': "user", '\\"': '"'}
    found: dict[int, int] = {}
    for one, other in pairs.items():
        ids, others = tokenizer.encode(one), tokenizer.encode(other)
        if len(ids) == len(others) == 1:  # a small vocabulary may lack one of them
            found[ids[0]] = others[0]
    return found


@torch.no_grad()
def make_copier(
    model: Qwen2ForCausalLM,
    turn_mark: int,
    seed: int,
    evidence: Tensor | None = None,
    scales: CopierScales | None = None,
    alike: Mapping[int, int] | None = None,
) -> list[Kept]:
    """Overwrite embeddings and the attention of layers 0 and 1 of *model* with a copier.

    Args:
        model: at least two layers, two key-value groups, tied embeddings.
        turn_mark: id of the token that opens every sequence; matching heads rest on it.
        evidence: vectors, ``(tokens, size)``, that stand in the first dimensions of the tokens'
            own and stay there.
        alike: tokens that are looked up as another one, by :func:`tokens_alike` say.

    Returns:
        The weights to :func:`keep` after every step: orthogonalised updates are of full size in
        every direction, and wore the heads away within forty steps.

    Raises:
        ValueError: the shape has no room for the heads.
    """
    scales = scales or CopierScales()
    plan = _Plan(model)
    chance = torch.Generator().manual_seed(seed)
    embedding = model.model.embed_tokens.weight
    embedding.zero_()
    vectors = torch.randn(embedding.shape[0], plan.words, generator=chance)
    embedding[:, : plan.words] = vectors
    for half in plan.halves():  # codes of one length, each half alike
        codes = embedding[:, half]
        codes *= (plan.half / plan.words) ** 0.5 / codes.norm(dim=1, keepdim=True)
    for one, other in (alike or {}).items():
        embedding[one, plan.code] = embedding[other, plan.code]
    length = (plan.code.start / plan.words) ** 0.5  # of what is no code
    said = 0
    if evidence is not None:
        said = evidence.shape[1]
        room = length * scales.evidence
        embedding[:, :said] = evidence * (room / evidence.norm(dim=1).quantile(0.99))
        embedding[:, :said] *= (room / embedding[:, :said].norm(dim=1, keepdim=True)).clamp(max=1)
    free = embedding[:, said : plan.code.start]
    left = (length**2 - embedding[:, :said].norm(dim=1, keepdim=True) ** 2) ** 0.5
    free *= left / free.norm(dim=1, keepdim=True)
    embedding *= scales.embedding
    embedding[turn_mark] = 0
    embedding[turn_mark, plan.mark] = scales.embedding
    model.model.norm.weight.fill_(scales.logit / (plan.hidden**0.5 * scales.embedding))
    for layer in model.model.layers:  # chance would drown what the heads write
        layer.self_attn.o_proj.weight *= scales.chance
        layer.mlp.down_proj.weight *= scales.chance
    _look_back(model, plan, scales)
    _match(model, plan, scales, chance, said)
    return _kept(model, plan, turn_mark, said)


@dataclass(frozen=True, slots=True)
class Kept:
    """Entries of one parameter that training may not move: where *mask*, they are *values*.

    With *length*, ``(rows, 1)``, what is free of every row is then brought to that length.
    """

    parameter: nn.Parameter
    mask: Tensor
    values: Tensor
    length: Tensor | None = None


@torch.no_grad()
def still(kept: list[Kept]) -> None:
    """Forget the gradients of what may not move: they are huge, and would rule the clipped step."""
    for one in kept:
        if one.parameter.grad is not None:
            one.parameter.grad.masked_fill_(one.mask, 0)


@torch.no_grad()
def keep(kept: list[Kept]) -> None:
    """Put the copier's own weights back."""
    for one in kept:
        moved = one.parameter
        if one.length is not None:
            free = moved.masked_fill(one.mask, 0).norm(dim=-1, keepdim=True)
            moved = moved * (one.length / free.clamp_min(1e-6))
        one.parameter.copy_(torch.where(one.mask, one.values, moved))


def _kept(model: Qwen2ForCausalLM, plan: _Plan, turn_mark: int, said: int) -> list[Kept]:
    """Who looks where, what is compared and what is then written; the words' vectors may move.

    Layer 0 does nothing else, and vectors keep their length: whatever grew there would, by the norm
    before the matching heads, shrink what they compare.
    """
    found: list[Kept] = []

    def hold(parameter: nn.Parameter, *places: tuple[slice, ...]) -> None:
        found.append(held(parameter, *places))

    every = slice(None)
    fixed = slice(plan.code.start, plan.hidden)
    below, above = model.model.layers[0], model.model.layers[1]
    vectors = model.model.embed_tokens.weight
    mark = (slice(turn_mark, turn_mark + 1),)
    words = held(vectors, (every, slice(said)), (every, fixed), mark)
    free = vectors.detach().masked_fill(words.mask, 0)
    found.append(replace(words, length=free.norm(dim=1, keepdim=True)))
    hold(below.input_layernorm.weight, (every,))
    hold(above.input_layernorm.weight, (every,))
    hold(below.mlp.down_proj.weight, (every,))
    hold(below.self_attn.o_proj.weight, (every,))
    per_group = plan.heads // plan.groups
    looking = [plan.rows(head) for head in (0, 1, per_group, per_group + 1)]
    matching = [plan.rows(group * per_group) for group in range(2)]
    groups = [plan.rows(group) for group in range(2)]
    for layer, heads in ((below, looking), (above, matching)):
        attention = layer.self_attn
        for linear, rows in ((attention.q_proj, heads), (attention.k_proj, groups)):
            hold(linear.weight, *((place,) for place in rows))
            hold(linear.bias, *((place,) for place in rows))
    hold(above.self_attn.v_proj.weight, *((place,) for place in groups))
    hold(above.self_attn.v_proj.bias, *((place,) for place in groups))
    hold(above.self_attn.o_proj.weight, *((every, place) for place in matching))
    values = below.self_attn.v_proj
    first = [slice(place.start, place.start + plan.part) for place in groups]
    hold(values.weight, *((place,) for place in first))
    hold(values.bias, *((place,) for place in first))
    return found


def held(parameter: nn.Parameter, *places: tuple[slice, ...]) -> Kept:
    """*parameter* as it is now, to be kept at *places*."""
    mask = torch.zeros_like(parameter, dtype=torch.bool)
    for place in places:
        mask[place] = True
    return Kept(parameter, mask, parameter.detach().clone())


def _turned(plan: _Plan, said: int, chance: torch.Generator) -> Tensor:
    """What the matching heads read of a token's vector, ``(2 x width, words)``: all its evidence.

    Rows are orthonormal: written back by the transpose they are the vector's own part.
    """
    rest = plan.words - said
    axes = torch.zeros(2 * plan.width, plan.words)
    axes[:said, :said] = torch.eye(said)
    axes[said:, said:] = _orthogonal(rest, chance)[: 2 * plan.width - said]
    return _orthogonal(2 * plan.width, chance) @ axes


def _orthogonal(size: int, chance: torch.Generator) -> Tensor:
    found: Tensor = torch.linalg.qr(torch.randn(size, size, generator=chance))[0]
    return found


def _look_back(model: Qwen2ForCausalLM, plan: _Plan, scales: CopierScales) -> None:
    """Layer 0: the first two heads of both groups look one, two, three and four tokens back."""
    attention = model.model.layers[0].self_attn
    attention.o_proj.weight.zero_()
    model.model.layers[0].mlp.down_proj.weight.zero_()
    size = (scales.positional * plan.width**0.5) ** 0.5
    fast = torch.tensor(plan.fast)
    per_group = plan.heads // plan.groups
    for group in range(2):
        rows = plan.rows(group)
        attention.k_proj.weight[rows] = 0
        bias = torch.zeros(plan.width)
        bias[fast] = size
        attention.k_proj.bias[rows] = bias
        first = group * plan.width
        attention.v_proj.weight[first : first + plan.part] = 0
        attention.v_proj.weight[first : first + plan.part, plan.code] = torch.eye(plan.part)
    for distance, head in ((1, 0), (2, 1), (3, per_group), (LOOKBACK + 1, per_group + 1)):
        rows = plan.rows(head)
        attention.q_proj.weight[rows] = 0
        bias = torch.zeros(plan.width)
        # Turned back by *distance*: the score is the sum of cos(turn * (offset - distance)).
        bias[fast] = size * torch.cos(-distance * plan.turn[fast])
        bias[fast + plan.pairs] = size * torch.sin(-distance * plan.turn[fast])
        attention.q_proj.bias[rows] = bias
        columns = slice(head * plan.width, head * plan.width + plan.part)
        attention.o_proj.weight[:, plan.rows(head)] = 0
        target = torch.zeros(plan.hidden, plan.part)
        found = (plan.hidden * plan.part / plan.words) ** 0.5  # length of a code after the norm
        length = scales.back * (scales.fourth if distance > LOOKBACK else 1)
        target[plan.looked_back(min(distance, LOOKBACK))] = torch.eye(plan.part) * length / found
        attention.o_proj.weight[:, columns] = target


def _match(
    model: Qwen2ForCausalLM,
    plan: _Plan,
    scales: CopierScales,
    chance: torch.Generator,
    said: int,
) -> None:
    """Layer 1: the first head of each group copies what followed the same three tokens."""
    attention = model.model.layers[1].self_attn
    per_group = plan.heads // plan.groups
    # After the norm, per unit of length before it: three codes and the token's vector.
    looked = (LOOKBACK + scales.fourth**2) * scales.back**2
    unit = (plan.hidden / (looked + scales.embedding**2)) ** 0.5
    score = (scales.match * plan.width**0.5 / LOOKBACK) ** 0.5
    lengths = [scales.embedding * (plan.part / plan.words) ** 0.5, *(scales.back,) * LOOKBACK]
    gains = [score / (unit * length * 0.5**0.5) for length in lengths]  # half a code each
    resting = (scales.rest * plan.width**0.5) ** 0.5
    mark_unit = plan.hidden**0.5  # the mark stands alone in its vector
    words = _turned(plan, said, chance)
    for group in range(2):
        head = group * per_group
        q_rows = [head * plan.width + n for n in plan.matching]
        k_rows = [group * plan.width + n for n in plan.matching]
        queries = plan.rows(head)
        keys = plan.rows(group)
        for linear, rows in ((attention.q_proj, queries), (attention.k_proj, keys)):
            linear.weight[rows] = 0
            linear.bias[rows] = 0
        part = slice(group * plan.half, (group + 1) * plan.half)
        for distance in range(LOOKBACK):
            block = slice(distance * plan.half, (distance + 1) * plan.half)
            for linear, chosen, back in (
                (attention.q_proj, q_rows, distance),
                (attention.k_proj, k_rows, distance + 1),
            ):
                columns = range(plan.hidden)[plan.looked_back(back)][part]
                for row, column in zip(chosen[block], columns, strict=True):
                    linear.weight[row, column] = gains[back]
        # The key's last code has the fourth's in it; so the query's has that of one before.
        block = slice((LOOKBACK - 1) * plan.half, LOOKBACK * plan.half)
        columns = range(plan.hidden)[plan.looked_back(LOOKBACK)][part]
        for row, column in zip(q_rows[block], columns, strict=True):
            attention.q_proj.weight[row, column] = gains[LOOKBACK] * scales.fourth
        attention.q_proj.bias[head * plan.width + plan.resting] = resting
        mark = attention.k_proj.weight
        mark[group * plan.width + plan.resting, plan.mark] = resting / mark_unit
        values = plan.rows(group)
        attention.v_proj.weight[values] = 0
        found = words[plan.rows(group)]
        attention.v_proj.weight[values, : plan.words] = found
        attention.o_proj.weight[:, queries] = 0
        gain = scales.written / (unit * scales.embedding)
        attention.o_proj.weight[: plan.words, queries] = found.T * gain
