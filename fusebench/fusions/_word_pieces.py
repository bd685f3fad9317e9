"""Pieces of texts, for a student to learn what its teacher makes of single words and phrases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

PHRASES = 0.25
"""Share of the texts of which one phrase is left."""
LONGEST = 5
"""Words of the longest phrase."""
LEFT_OUT = 0.1
"""Share of the words that the other texts lose."""


def pieces(texts: Sequence[Any], generator: np.random.Generator) -> list[Any]:
    """Return a piece of each text: one phrase of 1 to 5 words in a row, or the text without some of its words.

    What is no text or has no words stays as it is. O(words).

    References
    ----------
    .. [1] R. Tang, Y. Lu, L. Liu, L. Mou, O. Vechtomova, J. Lin, Distilling task-specific knowledge from BERT into
       simple neural networks, arXiv:1903.12136, 2019, section 3.3 (with its probabilities; words are left out where
       it masks them, which is the same to a student that counts words).
    """
    return [_piece(text, generator) for text in texts]


def _piece(text: Any, generator: np.random.Generator) -> Any:
    words = text.split() if isinstance(text, str) else []
    if not words:
        return text
    if generator.random() < PHRASES:
        length = min(int(generator.integers(1, LONGEST + 1)), len(words))
        start = int(generator.integers(len(words) - length + 1))
        return " ".join(words[start : start + length])
    kept = generator.random(len(words)) >= LEFT_OUT
    return " ".join(word for word, stays in zip(words, kept, strict=True) if stays) or text
