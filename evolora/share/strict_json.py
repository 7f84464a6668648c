"""JSON from strangers: bounded, without doubles, and a mistake is one line."""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from evolora.errors import BundleError

MAX_LINE = 2**22  # bytes of a row; a generation with thousands of niches has fewer


def parse_object(data: bytes, part: str) -> dict[str, Any]:
    """The JSON object that `data` is.

    Raises:
        BundleError: naming `part`, for anything else: other JSON, NaN, a key given twice, endless nesting.
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = "endless nesting" if isinstance(error, RecursionError) else str(error)
        raise BundleError(f"{part}: expected JSON, got {reason}") from error
    if not isinstance(value, dict):
        raise BundleError(f"{part}: expected a JSON object, got {type(value).__name__}")
    return value


def parse_rows(chunks: Iterator[bytes], part: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a text of lines, read piece by piece.

    Raises:
        BundleError: a line is no JSON object, too long, or not ended.
    """
    rest, number = b"", 0
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            number += 1
            yield parse_object(line, f"{part}, line {number}")
        if len(rest) > MAX_LINE:
            raise BundleError(f"{part}, line {number + 1}: expected at most {MAX_LINE:,} bytes, got a longer line")
    if rest:
        raise BundleError(f"{part}: expected whole lines, got an end without one")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key given twice")
    return result


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
