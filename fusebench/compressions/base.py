"""What every compression is: a way to make a fused model smaller or faster.

Adding one is adding one file to this package. Its name is what ``compress:`` takes in YAML; the class inside is a
keyword-only dataclass whose fields are the YAML parameters, typed and constrained with ``Annotated[..., Field(...)]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from fusebench.discovery import Registry
from fusebench.spec.model import CompressSpec, FusionSpec, LearnerSpec

REGISTRY = Registry(package="fusebench.compressions", base="Compression", noun="compression")


@dataclass(kw_only=True)
class Compression:
    """One way of making a model smaller.

    It acts either on a learner (then `trait` is set, and a fusion is compressed by compressing those of its members
    that have the trait) or on a fusion as a whole (then `fused` says by which other fusion it is replaced).
    """

    trait: ClassVar[str | None] = None
    """What a learner's family must have: ``weights``, ``units``, ``trees``; None for a compression of whole fusions."""

    def learner(self, learner: LearnerSpec, trait: Any, compress: CompressSpec) -> LearnerSpec:
        """Return the learner that is fitted instead.

        By default the same, whose fitted estimator is compressed by `estimator` inside the same fit.

        Parameters
        ----------
        learner : LearnerSpec
        trait : object
            What the family says of the trait.
        compress : CompressSpec
            This compression as the spec has it.
        """
        return learner.model_copy(update={"compress": compress})

    def estimator(self, estimator: Any) -> Any:
        """Return a compressed copy of a fitted estimator; the original is left as it is.

        Raises
        ------
        FitError
            If it cannot be compressed.
        """
        raise TypeError(f"{type(self).__name__} compresses no fitted estimator")

    def applies(self, n_members: int, *, trains: bool) -> bool:
        """Return whether a fusion as a whole can be compressed this way.

        Parameters
        ----------
        n_members : int
        trains : bool
            Whether it trains models of its own instead of using its members' predictions.
        """
        return True

    def fused(self, name: str, fusion: FusionSpec, members: tuple[str, ...]) -> tuple[FusionSpec, tuple[str, ...]]:
        """Return the fusion that stands for another one, and its members.

        Parameters
        ----------
        name : str
            The fusion's id.
        fusion : FusionSpec
        members : tuple of str
            Its members.
        """
        raise TypeError(f"{type(self).__name__} compresses members, not fusions")


def make(compress: CompressSpec) -> Compression:
    """Return a compression with its parameters, which must have been checked."""
    params: Mapping[str, Any] = compress.params
    made: Compression = REGISTRY.load(compress.type)(**params)
    return made


def compressed(compress: CompressSpec, estimator: Any) -> Any:
    """Return a compressed copy of a fitted estimator."""
    return make(compress).estimator(estimator)


def label(type_: str, params: Mapping[str, Any]) -> str:
    """Return what a compression is called in the id of a model: its type, and the parameters that were given."""
    given = ",".join(f"{name}={_short(value)}" for name, value in params.items())
    return f"{type_}[{given}]" if given else type_


def _short(value: Any) -> Any:
    return value["type"] if isinstance(value, Mapping) else getattr(value, "type", value)
