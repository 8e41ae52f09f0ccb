"""Texts as TF-IDF vectors: how alike two are, and which of many is nearest.

Role: the one similarity of texts, for the nearest-neighbour baseline and the checks against
near-duplicates.  Words are cut and folded as the finding reader does (British and American
spelling, case), numbers kept.  A term weighs ``(1 + ln tf) * (1 + ln((1 + n) / (1 + df)))``, with
*n* texts of which *df* hold it, and every vector has length 1, so a dot product is the cosine; the
formula is scikit-learn's with ``sublinear_tf``.  Ties go to the earlier text.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from diffdx_tui.domain.clauses import fold

Vector = Mapping[str, float]
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")


class Neighbour(NamedTuple):
    """A text of the index by its place in it, and its cosine to the query, 0 to 1."""

    place: int
    similarity: float


def split_terms(text: str) -> list[str]:
    """The folded words and numbers of *text*, in order."""
    return [fold(match.group()) for match in _WORD.finditer(text)]


def cosine(one: Vector, other: Vector) -> float:
    """The dot product of two unit vectors, 0 to 1."""
    if len(other) < len(one):
        one, other = other, one
    product = math.fsum(weight * other[term] for term, weight in one.items() if term in other)
    return min(1.0, product)


def ngram_jaccard(one: str, other: str, n: int = 5) -> float:
    """Shared word *n*-grams over all of both texts, 0 to 1; 0 where neither has one."""
    first, second = ngrams(one, n), ngrams(other, n)
    union = len(first | second)
    return len(first & second) / union if union else 0.0


def ngrams(text: str, n: int = 5) -> frozenset[tuple[str, ...]]:
    """The distinct runs of *n* folded words in *text*."""
    terms = split_terms(text)
    return frozenset(tuple(terms[at : at + n]) for at in range(len(terms) - n + 1))


@dataclass(frozen=True)
class TfidfIndex:
    """The vectors of some texts, and how rare each term is among them.

    Attributes:
        vectors: one unit vector per text, in the order given; an empty text has an empty one.
        rarity: inverse document frequency by term, at least 1.
    """

    vectors: tuple[Vector, ...]
    rarity: Mapping[str, float]
    _places: Mapping[str, Sequence[tuple[int, float]]]

    @classmethod
    def build(cls, texts: Iterable[str]) -> TfidfIndex:
        """Index *texts*."""
        counts = [Counter(split_terms(text)) for text in texts]
        documents = Counter(term for count in counts for term in count)
        rarity = {
            term: 1 + math.log((1 + len(counts)) / (1 + number))
            for term, number in documents.items()
        }
        vectors = tuple(_weigh(count, rarity) for count in counts)
        places: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for index, vector in enumerate(vectors):
            for term, weight in vector.items():
                places[term].append((index, weight))
        return cls(vectors, rarity, places)

    def vector(self, text: str) -> Vector:
        """The vector of any text; a term that the index lacks has no weight."""
        return _weigh(Counter(split_terms(text)), self.rarity)

    def nearest(self, text: str, count: int = 1) -> list[Neighbour]:
        """The *count* nearest texts, nearest first; texts that share no term come last with 0."""
        scores = [0.0] * len(self.vectors)
        for term, weight in self.vector(text).items():
            for index, other in self._places[term]:
                scores[index] += weight * other
        order = sorted(range(len(scores)), key=lambda index: (-round(scores[index], 12), index))
        return [Neighbour(index, min(1.0, scores[index])) for index in order[:count]]


def _weigh(counts: Counter[str], rarity: Mapping[str, float]) -> dict[str, float]:
    weights = {
        term: (1 + math.log(count)) * rarity[term]
        for term, count in counts.items()
        if term in rarity
    }
    length = math.sqrt(math.fsum(weight * weight for weight in weights.values()))
    return {term: weight / length for term, weight in weights.items()}
