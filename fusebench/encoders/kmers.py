"""Sequences as frequencies of their short pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from fusebench.encoders._stacked import _TextFirst
from fusebench.encoders._text import TextBlock


@dataclass(kw_only=True)
class Kmers(_TextFirst):
    """How often every run of up to `k` letters occurs in a sequence, as a share of its runs.

    For DNA, RNA and proteins; letters' case counts. Other columns are encoded as in ``linear``. Where the dataset names
    no text columns, all that are neither numbers nor dates are sequences.

    Parameters
    ----------
    k : int, default=3
        Longest run.
    shortest : int, default=1
        Shortest run, at most `k`.
    """

    k: Annotated[int, Field(ge=1, le=12)] = 3
    shortest: Annotated[int, Field(ge=1, le=12)] = 1

    def _text_block(self) -> Any:
        return TextBlock(vectorizer=self._vectorizer)

    def _vectorizer(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        lengths = (min(self.shortest, self.k), self.k)
        return TfidfVectorizer(analyzer="char", lowercase=False, ngram_range=lengths, use_idf=False, norm="l1")
