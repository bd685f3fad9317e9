"""The documentation of the data is true: its table, its fields, its suites."""

from pathlib import Path

import pytest

from fusebench import api, datasets
from fusebench.datasets._tables import TABLE_OPTIONS
from fusebench.spec.model import DatasetSpec

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def test_the_table_is_what_the_command_makes():
    assert PAGE.read_text(encoding="utf-8").endswith("\n".join(api.list_names("datasets", markdown=True)) + "\n")


@pytest.mark.parametrize(
    "word", [*DatasetSpec.model_fields, *TABLE_OPTIONS, *datasets.suites(), *datasets.REGISTRY.names()]
)
def test_every_field_suite_and_source_is_named(word):
    assert word in {"name", "source", "options", "sep"} or f"`{word}" in PAGE.read_text(encoding="utf-8")


def test_the_plain_list_begins_with_names():
    lines = api.list_names("datasets")
    assert [line.split()[0] for line in lines] == ["name", *datasets.entries()]
