"""Text as hashed words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from fusebench.encoders._stacked import _TextFirst
from fusebench.encoders._text import TextBlock


@dataclass(kw_only=True)
class Hashing(_TextFirst):
    """scikit-learn's ``HashingVectorizer`` on text: no vocabulary, so memory does not grow with it.

    Other columns are encoded as in ``linear``. Where the dataset names no text columns, all that are neither numbers
    nor dates are text.

    Parameters
    ----------
    n_features : int, default=2**18
        Columns a text; words that fall on the same one are counted together.
    analyzer : {"word", "char", "char_wb"}, default="word"
        What is counted.
    ngram_range : pair of int, default=(1, 2)
        Shortest and longest run of them.
    """

    n_features: Annotated[int, Field(ge=2)] = 2**18
    analyzer: Literal["word", "char", "char_wb"] = "word"
    ngram_range: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (1, 2)

    def _text_block(self) -> Any:
        return TextBlock(vectorizer=self._vectorizer)

    def _vectorizer(self) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer(
            n_features=self.n_features,
            analyzer=self.analyzer,
            ngram_range=tuple(self.ngram_range),
            alternate_sign=False,
        )
