"""What fuzzing tests share: mutated bytes, the command line in this process, and a watch over what is written."""

import contextlib
import copy
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from evolora.cli.app import main

Edit = tuple[str, float, bytes]


def examples(number: int, always_the_same: bool = True) -> settings:
    """`number` examples, however long each takes."""
    return settings(
        max_examples=number,
        deadline=None,
        database=None,
        derandomize=always_the_same,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # a failing file is small enough to read, and shrinking one takes minutes
    )


def five_thousand(strategy: st.SearchStrategy[Any]) -> Callable[[Callable[[Any], None]], Any]:
    """A slow test of 5,000 examples of `strategy`, other ones every time."""
    return lambda check: pytest.mark.slow(examples(5000, always_the_same=False)(given(strategy)(check)))


def edits(payloads: list[bytes]) -> st.SearchStrategy[list[Edit]]:
    """One to five changes of a file: what, where (a share of its length), and with which bytes."""
    payload = st.sampled_from(payloads) | st.text("az09-:,[]{}\"'#&*|\n ", max_size=6).map(str.encode)
    operation = st.sampled_from(["set", "insert", "delete", "repeat", "line", "word", "cut"])
    return st.lists(st.tuples(operation, st.floats(0, 1), payload), min_size=1, max_size=5)


def edited(data: bytes, changes: list[Edit]) -> bytes:
    for operation, share, payload in changes:
        at = int(share * len(data))
        length = max(1, len(payload))
        if operation == "set":
            data = data[:at] + payload + data[at + len(payload) :]
        elif operation == "insert":
            data = data[:at] + payload + data[at:]
        elif operation == "delete":
            data = data[:at] + data[at + length * 4 :]
        elif operation == "repeat":
            data = data[:at] + data[max(0, at - 40 * length) : at] + data[at:]
        elif operation == "line":  # a whole line becomes the payload
            start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
            data = data[:start] + payload + (data[end:] if end >= 0 else b"")
        elif operation == "word":  # the value after the next colon becomes the payload
            colon = data.find(b":", at)
            if colon >= 0:
                end = min((found for mark in b",}\n" if (found := data.find(mark, colon)) >= 0), default=len(data))
                data = data[: colon + 1] + b" " + payload + data[end:]
        else:
            data = data[:at]
    return data


Change = tuple[str, int, Any]
Plain = Any  # what JSON and YAML hold


def changes_of_values(words: list[str]) -> st.SearchStrategy[list[Change]]:
    """One to three changes of plain values: what, at which of all places, and with which value or key."""
    numbers = st.integers(-2, 4) | st.sampled_from([10**9, 10**30, -1, 0.5, 1e300, 2**63])
    scalars = st.none() | st.booleans() | numbers | st.sampled_from(words) | st.text(max_size=4)
    values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from(words), scalars, max_size=2)
    return st.lists(
        st.tuples(st.sampled_from(["replace", "replace", "delete", "add"]), st.integers(0, 10**6), values),
        min_size=1,
        max_size=3,
    )


def reshaped(value: Plain, changes: list[Change]) -> Plain:
    """Plain values with changes applied: each stays plain values, of another shape."""
    value = copy.deepcopy(value)
    for operation, choice, new in changes:
        places = list(_places(value))
        if not places:
            return value
        holder, key = places[choice % len(places)]
        if operation == "replace":
            holder[key] = new
        elif operation == "delete":
            del holder[key]
        elif isinstance(holder, dict):
            holder[str(new)] = holder[key]
        else:
            holder.append(new)
    return value


def _places(value: Plain) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in plain values."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(inside):
        yield value, key
        yield from _places(item)


def shell(*arguments: str) -> tuple[int, str]:
    """Exit code and stderr of `evolora ARGUMENTS`, run in this process: an exception is a traceback for the user."""
    errors = io.StringIO()
    before, sys.argv = sys.argv, ["evolora", *arguments]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            main()
    except SystemExit as leaving:
        return int(leaving.code or 0), errors.getvalue()
    finally:
        sys.argv = before
    return 0, errors.getvalue()


class _Watch:
    """Every path that this process writes, makes, renames or links while it watches."""

    def __init__(self) -> None:
        self.paths: list[str] | None = None
        sys.addaudithook(self._notice)  # a hook stays for good: it does nothing while `paths` is None

    def _notice(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.paths is None:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.paths.append(os.fsdecode(path))
        elif event in ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.chmod", "os.truncate"):
            self.paths += [os.fsdecode(part) for part in arguments if isinstance(part, str | bytes)]


_WATCH = _Watch()


@contextlib.contextmanager
def nothing_written_outside(folder: Path) -> Iterator[None]:
    """Fail where anything is written that is not inside `folder`."""
    _WATCH.paths = []
    try:
        yield
        outside = [path for path in _WATCH.paths if not Path(os.path.realpath(path)).is_relative_to(folder.resolve())]
    finally:
        _WATCH.paths = None
    assert not [path for path in outside if path != os.devnull], outside
