"""Text as TF-IDF of words or characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from fusebench.encoders._stacked import _TextFirst
from fusebench.encoders._text import TextBlock


@dataclass(kw_only=True)
class Tfidf(_TextFirst):
    """scikit-learn's ``TfidfVectorizer`` on text; other columns as in ``linear``.

    Where the dataset names no text columns, all that are neither numbers nor dates are text.

    Parameters
    ----------
    analyzer : {"word", "char", "char_wb"}, default="word"
        What is counted; ``char_wb`` counts characters inside words.
    ngram_range : pair of int, default=(1, 2)
        Shortest and longest run of them.
    max_features : int, default=50000
        Terms a column at most, the most frequent.
    min_df : int, default=1
        Fewest training rows that hold a term.
    sublinear_tf : bool, default=True
        Count ``1 + log(count)``.
    """

    analyzer: Literal["word", "char", "char_wb"] = "word"
    ngram_range: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (1, 2)
    max_features: Annotated[int, Field(ge=1)] = 50_000
    min_df: Annotated[int, Field(ge=1)] = 1
    sublinear_tf: bool = True

    def _text_block(self) -> Any:
        return TextBlock(vectorizer=self._vectorizer)

    def _vectorizer(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(
            analyzer=self.analyzer,
            ngram_range=tuple(self.ngram_range),
            max_features=self.max_features,
            min_df=self.min_df,
            sublinear_tf=self.sublinear_tf,
        )
