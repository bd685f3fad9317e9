"""The JSON Schema of a spec as it is written in YAML, for editors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fusebench.spec.model import CV, DatasetSpec

TIME = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": "^[0-9.hmins ]+$"}]}
SIZE = {"anyOf": [{"type": "integer", "exclusiveMinimum": 0}, {"type": "string", "pattern": "^[0-9.]+ *[kKMGT]?i?B?$"}]}
Schema = Mapping[str, Any]


def json_schema(
    learners: Mapping[str, Schema],
    fusions: Mapping[str, Schema],
    compressions: Mapping[str, Schema],
    datasets: Sequence[str],
) -> dict[str, Any]:
    """Return the schema (draft 2020-12).

    Parameters
    ----------
    learners, fusions, compressions : mapping of str to mapping
        Schemas of the parameters, by type.
    datasets : sequence of str
        Names in the registry.
    """
    keys = {**_learner_keys(), "compress": _component(compressions, {}, open_ended=False)}
    learner = _component(learners, keys, open_ended=True)
    reserved = {
        "members": _one_or_many({"type": "string"}),
        "timeout": TIME,
        "compress": _one_or_many(_component(compressions, {}, open_ended=False)),
    }
    fusion = _component(fusions, reserved, open_ended=False)
    metrics = _one_or_many({"type": "string"})
    dataset = DatasetSpec.model_json_schema()["properties"]
    dataset.pop("options")
    dataset["exclude"] = {"type": "object"}  # of a value or a list of values
    for name in ("drop", "text", "categorical", "tags", "na_values"):
        dataset[name] = {"anyOf": [{"type": "array"}, {"type": "string"}]}
    cv = CV.model_json_schema()
    cv.pop("title", None)
    named: dict[str, Any] = {"anyOf": [{"enum": list(datasets)}, {"type": "string"}]}
    defined = {"type": "object", "properties": dataset, "required": ["name"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "fusebench spec",
        "type": "object",
        "additionalProperties": False,
        "required": ["datasets", "learners"],
        "properties": {
            "name": {"type": "string", "description": "names the run folder", "maxLength": 100},
            "datasets": _one_or_many({"anyOf": [*named["anyOf"], defined]}),
            "learners": _named_or_listed(learner),
            "fusions": _named_or_listed(fusion),
            "fusion": fusion,
            "cv": {"anyOf": [cv, {"type": "string"}], "description": "outer and inner splits"},
            "scoring": {
                "anyOf": [
                    *metrics["anyOf"],
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"classification": metrics, "regression": metrics},
                    },
                ],
                "description": "metrics; the first one ranks",
            },
            "random_state": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
            "resources": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "timeout": TIME,
                    "memory": SIZE,
                    "threads_per_fit": {"type": "integer", "minimum": 1},
                    "watts": {
                        "type": "number",
                        "exclusiveMinimum": 0,
                        "description": "of one busy core, for estimates",
                    },
                },
            },
        },
    }


def _one_or_many(one: Schema) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _named_or_listed(component: Schema) -> dict[str, Any]:
    return {
        "anyOf": [
            {"type": "object", "additionalProperties": component},
            {"type": "array", "items": {"type": "string"}},
            {"type": "string"},
        ]
    }


def _learner_keys() -> dict[str, Any]:
    return {
        "encode": {"anyOf": [{"type": "string"}, {"type": "object"}], "default": "auto"},
        "calibrate": {"enum": ["sigmoid", "isotonic", "temperature", None]},
        "grid": {"type": "object", "additionalProperties": {"type": "array", "minItems": 1}},
        "timeout": TIME,
        "cost": {"type": "number", "minimum": 0},
        "bytes": {"type": "integer", "minimum": 0},
    }


def _component(types: Mapping[str, Schema], reserved: Schema, *, open_ended: bool) -> dict[str, Any]:
    """Return the schema of ``type`` alone or of a mapping; `open_ended` where parameters are an estimator's own."""
    branches = [
        {
            "if": {"properties": {"type": {"const": name}}},
            "then": {
                "properties": {"type": {}, **reserved, **parameters},
                **({} if open_ended else {"additionalProperties": False}),
            },
        }
        for name, parameters in types.items()
        if parameters or not open_ended
    ]
    mapping: dict[str, Any] = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"anyOf": [{"enum": list(types)}, {"type": "string"}]}, **reserved},
    }
    if branches:
        mapping["allOf"] = branches
    return {"anyOf": [{"enum": list(types)}, {"type": "string"}, mapping]}
