"""Rows of measures: flat names, each with a number or None."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = dict[str, float | None]


def spread(found: "DataclassInstance | None", kind: "type[DataclassInstance]", names: str | Mapping[str, str]) -> Row:
    """The numbers of a `kind` by name, all None where nothing was found.

    `names` is a pattern for its fields' names ("modes_{}"), or a mapping from the fields wanted to names.
    """
    if isinstance(names, str):
        names = {field.name: names.format(field.name) for field in fields(kind)}
    return {name: None if found is None else vars(found)[own] for own, name in names.items()}
