"""An encoder's YAML parameters, checked against its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from fusebench.encoders.base import Encoder

GIVEN = frozenset({"random_state", "text"})


def validated(encoder: type[Encoder], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as the fields of an encoder declare them.

    Raises
    ------
    pydantic.ValidationError
        If a name is unknown or a value does not fit.
    """
    model = _model(encoder).model_validate(dict(params))
    return {name: getattr(model, name) for name in model.model_fields_set}


@cache
def _model(encoder: type[Encoder]) -> type[BaseModel]:
    hints = get_type_hints(encoder, include_extras=True, localns={"pd": object})
    names = [one for one in fields(encoder) if one.init and one.name not in GIVEN]
    definitions: dict[str, Any] = {one.name: (hints[one.name], one.default) for one in names}
    return create_model(encoder.__name__, __config__=ConfigDict(extra="forbid", frozen=True), **definitions)
