"""A YAML file as plain values, each with its place. Plain YAML only: a stranger's file is safe to open."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeAlias

import yaml
from yaml.composer import Composer
from yaml.resolver import BaseResolver

Value: TypeAlias = "dict[str, Value] | list[Value] | str | int | float | bool | None"
KeyPath = tuple[str | int, ...]

MAX_DEPTH = 32

# YAML 1.2's numbers, not 1.1's: there `1e-3` is a text, `1:30` is 90 and `010` is 8.
_INTEGER = re.compile(r"[-+]?[0-9]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | float | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_WORDS |= {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}


@dataclass
class Document:
    """Values with their places (`file:line:column`, or the option they came from) and the mistakes met.

    `shown` is what the file is called, for what it lacks. `complete` is False where a part could not be read, so that
    what it may hold must not be called missing.
    """

    values: dict[str, Value] = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    complete: bool = True
    shown: str = ""

    def place(self, path: KeyPath) -> str:
        """Where `path` was written, or the nearest thing around it; the file for what nobody wrote."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return self.shown

    def forget_places(self, path: KeyPath) -> None:
        """Drop the places of `path` and everything in it: it is about to be replaced."""
        for known in [known for known in self.places if known[: len(path)] == path]:
            del self.places[known]

    def move(self, old: KeyPath, new: KeyPath) -> None:
        """Rename a key, with all it holds and their places; nothing where `old` is absent or `new` is taken."""
        source, target = self._section(old[:-1]), self._section(new[:-1])
        if source is None or target is None or old[-1] not in source or new[-1] in target:
            return
        target[str(new[-1])] = source.pop(str(old[-1]))
        for known in [known for known in self.places if known[: len(old)] == old]:
            self.places[*new, *known[len(old) :]] = self.places.pop(known)

    def _section(self, path: KeyPath) -> "dict[str, Value] | None":
        here: Value = self.values
        for part in path:
            here = here.get(str(part)) if isinstance(here, dict) else None
        return here if isinstance(here, dict) else None


def suggestion(word: str, known: list[str]) -> str:
    """`; did you mean X?`, or nothing where no known word is near."""
    near = get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    return f"; did you mean {next(name for name in known if name.lower() == near[0])}?" if near else ""


def parse_yaml(text: str, shown: str, document: Document) -> Value:
    """The value of one YAML text; its places and mistakes are added to `document`."""
    try:
        problems, events = _refuse_features(text, shown)
        node = None if problems else _Composer(events).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        parts = [part for part in (error.context, error.problem) if part]
        place = shown if mark is None else f"{shown}:{mark.line + 1}:{mark.column + 1}"
        problems, node = [f"{place}: not valid YAML: {', '.join(parts)}"], None
    except yaml.YAMLError as error:  # a character that YAML does not allow: carries no mark
        problems, node = [f"{shown}: not valid YAML: {' '.join(str(error).split())}"], None
    document.problems += problems
    return None if node is None else _value(node, (), shown, document)


def _refuse_features(text: str, shown: str) -> tuple[list[str], list[yaml.Event]]:
    """Mistakes for aliases (and so alias bombs), tags and endless nesting, before anything is built; and the events."""
    problems, events, depth = [], [], 0
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        events.append(event)
        if isinstance(event, yaml.AliasEvent):
            got = f"the alias *{event.anchor}; write it out, or share it with `extends`"
            problems.append(f"{_place(shown, event)}: expected plain values, got {got}")
        elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) and event.tag is not None:
            problems.append(f"{_place(shown, event)}: expected plain values, got the tag {event.tag}")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            too_deep = f"{_place(shown, event)}: expected at most {MAX_DEPTH} levels of nesting, got more"
            return [*problems, too_deep], events
    return problems, events


class _Composer(Composer, BaseResolver):
    """Builds nodes out of events that were looked through already: scanning is most of the time a file takes."""

    def __init__(self, events: list[yaml.Event]) -> None:
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._coming = deque(events)

    def check_event(self, *choices: type[yaml.Event]) -> bool:
        return bool(self._coming) and (not choices or isinstance(self._coming[0], choices))

    def peek_event(self) -> yaml.Event:
        return self._coming[0]

    def get_event(self) -> yaml.Event:
        return self._coming.popleft()


def _value(node: yaml.Node, path: KeyPath, shown: str, document: Document) -> Value:
    """Plain values of a node; the places of what it holds go to `document`, and so do duplicate keys."""
    if isinstance(node, yaml.ScalarNode):
        text = _text(node, shown, document)
        return _scalar(text) if node.style is None else text
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            document.places[*path, index] = _place(shown, item)
        return [_value(item, (*path, index), shown, document) for index, item in enumerate(node.value)]
    values: dict[str, Value] = {}
    for key, item in node.value:
        place = _place(shown, key)
        if not isinstance(key, yaml.ScalarNode):
            document.problems.append(f"{place}: expected a word as key, got a list or mapping")
            continue
        name = _text(key, shown, document)
        inner = (*path, name)
        if name in values:
            first = document.places[inner].removeprefix(f"{shown}:").split(":")[0]
            document.problems.append(f"{place}: {dotted(inner)}: given twice, first in line {first}; keep one")
            continue
        document.places[inner] = place
        values[name] = _value(item, inner, shown, document)
    return values


def _text(node: yaml.ScalarNode, shown: str, document: Document) -> str:
    r"""The characters of a scalar. Half a surrogate pair (`\ud800`) is no text and cannot be written back."""
    text = str(node.value)
    if text.isascii() or not any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        return text
    document.problems.append(f"{_place(shown, node)}: expected Unicode text, got half a surrogate pair")
    return text.encode("utf-8", "replace").decode()


def _scalar(text: str) -> str | int | float | bool | None:
    """What an unquoted YAML 1.2 scalar means."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _place(shown: str, part: yaml.Event | yaml.Node) -> str:
    mark = part.start_mark
    assert mark is not None  # PyYAML marks everything that it reads from a text
    return f"{shown}:{mark.line + 1}:{mark.column + 1}"


def dotted(path: KeyPath) -> str:
    """A key path as `--set` takes it: `niches.0.price`."""
    return ".".join(str(part) for part in path)


def described(value: Value, limit: int = 60) -> str:
    """A value as an error shows it: `3`, `the text 'many'`, `a list of 3`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {value if len(value) <= limit else value[:limit] + '…'!r}"
    if isinstance(value, Mapping):
        return f"a mapping with {', '.join(value) or 'no keys'}"[:limit]
    if isinstance(value, list):
        shown = f"[{', '.join(str(item) for item in value)}]"
        return f"the list {shown}" if len(shown) <= limit else f"a list of {len(value)}"
    return str(value)


class _Dumper(yaml.SafeDumper):
    """Writes what `parse_yaml` reads back: texts that YAML 1.2 takes for numbers are quoted too."""

    def represent_sequence(
        self, tag: str, sequence: Iterable[Any], flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        """Plain lists on one line, `[8, 8]`; lists of sections on many."""
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = all(isinstance(item, yaml.ScalarNode) for item in node.value)
        return node


def _quote_lookalikes(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # In double quotes control characters are escaped; PyYAML's other styles turn some of them into blanks.
    style = None if text.isprintable() and isinstance(_scalar(text), str) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _quote_lookalikes)


def to_yaml(values: Mapping[str, Value]) -> str:
    """YAML of plain values, in their order."""
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
