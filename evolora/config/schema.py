"""What a settings file may hold, in words: every validation error becomes one line with its place and remedy.

The words come from the model's JSON schema, so a field's type, range and description are written once.
"""

from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from evolora.config.document import Document, KeyPath, Value, described, dotted, suggestion

Schema = dict[str, Any]  # JSON schema, as pydantic writes it
_KEY_MARK = "[key]"  # pydantic's last location part where a mapping's key is wrong, not its value


@cache
def _root(model: type[BaseModel]) -> Schema:
    """The whole model's schema, read only: making it takes longer than all the rest of an explanation."""
    return model.model_json_schema()


def explain(model: type[BaseModel], error: ValidationError, document: Document) -> list[str]:
    """One line per mistake in `document.values`, in the order of the file's lines."""
    root = _root(model)
    # (path, kind) -> message; a union reports each of its branches, of which one line is enough.
    found: dict[tuple[KeyPath, bool], str] = {}
    vague: set[tuple[KeyPath, bool]] = set()
    for detail in error.errors(include_url=False):
        path = _real_path(detail["loc"], document.values)
        kind = detail["type"]
        if kind == "missing" and not isinstance(_value_at(document.values, path), list):
            path = (*path, detail["loc"][-1])
            if not document.complete:
                continue
        key = (path, kind == "value_error")
        if key in found:
            continue
        if len(path) < len(detail["loc"]):
            vague.add(key)
        found[key] = _message(root, path, detail["loc"], kind, detail["msg"], document.values)
    lines = []
    for (path, validator), message in found.items():
        deeper = any(other[: len(path)] == path and len(other) > len(path) for other, _ in found)
        if (path, validator) in vague and deeper:
            continue  # a branch of the union that nobody meant: the mistake is further in
        if not path:  # a rule about the whole file names its key itself
            path, _, message = _path_in_message(message, document.values)
        place = document.place(path)
        lines.append((order(place), ": ".join(part for part in (place, dotted(path), message) if part)))
    return [line for _, line in sorted(lines, key=lambda pair: pair[0])]


def order(place: str) -> tuple[str, int, int]:
    """Sorts by file, line and column; what has no place comes first."""
    file, *marks = place.rsplit(":", 2)
    is_place = len(marks) == 2 and all(mark.isdigit() for mark in marks)
    return (file, int(marks[0]), int(marks[1])) if is_place else (place, 0, 0)


def _real_path(location: tuple[str | int, ...], values: Value) -> KeyPath:
    """The parts of a pydantic location that are keys of the file: the names of a union's branches are not."""
    path: KeyPath = ()
    here = values
    for part in location:
        there, inner = _step(here, part)
        if there:
            path, here = (*path, part), inner
    return path


def _value_at(values: Value, path: KeyPath) -> Value:
    for part in path:
        _, values = _step(values, part)
    return values


def _step(values: Value, part: str | int) -> tuple[bool, Value]:
    """Whether a mapping or list has `part`, and what is there."""
    if isinstance(values, dict) and isinstance(part, str):
        return part in values, values.get(part)
    if isinstance(values, list) and isinstance(part, int) and part < len(values):
        return True, values[part]
    return False, None


def _message(root: Schema, path: KeyPath, location: tuple[str | int, ...], kind: str, text: str, values: Value) -> str:
    if kind == "extra_forbidden":
        return _unknown_key(root, path)
    if kind == "value_error":
        return text.removeprefix("Value error, ")
    if location[-1] == _KEY_MARK:
        names = _key_schema(_at(root, path[:-1]))
        near = suggestion(str(path[-1]), names.get("enum", []))
        return f"expected {words(root, names)} as key, got {path[-1]}{near}"
    field = _at(root, path)
    value = _value_at(values, path)
    got = "nothing" if kind == "missing" and not isinstance(value, list) else described(value)
    if kind == "finite_number":
        expected = "a finite number"
    else:
        expected = words(root, field) if field else text.removeprefix("Input should be ")
    meaning = field.get("description", "").strip().rstrip(".")
    near = suggestion(value, _choices(root, field)) if isinstance(value, str) else ""
    return f"expected {expected}, got {got}{near}" + (f" ({meaning})" if meaning else "")


def _key_schema(mapping: Schema) -> Schema:
    """What a mapping's keys are: pydantic writes a pattern for them as `patternProperties`."""
    patterns = list(mapping.get("patternProperties", {}))
    return {"type": "string", "pattern": patterns[0]} if patterns else dict(mapping.get("propertyNames", {}))


def _unknown_key(root: Schema, path: KeyPath) -> str:
    known = _keys(root, _at(root, path[:-1]))
    name = str(path[-1])
    *sections, last = name.split(".")
    if sections and _keys(root, _at(root, (*path[:-1], *sections))):
        nested = "".join(f"{section}: {{" for section in sections) + f"{last}: ..." + "}" * len(sections)
        return f"unknown key; write {nested}, for dotted keys are for --set and experiments' `set`"
    near = suggestion(name, known)
    if not near and (elsewhere := _paths_to(root, root, name)):
        near = f"; did you mean {' or '.join(elsewhere)}?"
    return f"unknown key{near}" if near else f"unknown key; expected one of {', '.join(known)}"


def _keys(root: Schema, schema: Schema) -> list[str]:
    """The keys that a section may hold, whichever branch of a union it is."""
    schema = _resolved(root, schema)
    inner = [key for branch in schema.get("anyOf", []) for key in _keys(root, branch)]
    return list(dict.fromkeys([*schema.get("properties", {}), *inner]))


def _paths_to(root: Schema, schema: Schema, name: str, prefix: str = "") -> list[str]:
    """Dotted paths of the keys called `name` in the sections of the file."""
    paths = []
    for key, field in _resolved(root, schema).get("properties", {}).items():
        if key == name:
            paths.append(prefix + key)
        if "$ref" in field:
            paths += _paths_to(root, field, name, f"{prefix}{key}.")
    return paths


def _path_in_message(message: str, values: Value) -> tuple[KeyPath, str, str]:
    """`niches: expected ...` from a rule about the whole file, split into its path and the rest."""
    key, colon, rest = message.partition(": ")
    path = tuple(key.split("."))
    return (path, colon, rest) if colon and _real_path(path, values) == path else ((), "", message)


def _resolved(root: Schema, schema: Schema) -> Schema:
    return {**root["$defs"][schema["$ref"].split("/")[-1]], **schema} if "$ref" in schema else schema


def _at(root: Schema, path: KeyPath) -> Schema:
    """The schema of a key path, empty where there is none. A field's description wins over its section's."""
    here = root
    for part in path:
        for branch in (here, *here.get("anyOf", [])):
            inner = _resolved(root, branch)
            if isinstance(part, int) and part < len(inner.get("prefixItems", [])):
                here = inner["prefixItems"][part]
                break
            if isinstance(part, int):
                entries = inner.get("items")
            else:
                entries = inner.get("properties", {}).get(part, _entries(inner))
            if entries:
                here = entries
                break
        else:
            return {}
    return here


def _entries(mapping: Schema) -> Any:
    """What a mapping's values are; pydantic writes it beside the pattern of the keys where they have one."""
    return next(iter(mapping.get("patternProperties", {}).values()), mapping.get("additionalProperties"))


def _choices(root: Schema, schema: Schema) -> list[str]:
    """The words a field accepts, whichever branch of a union lists them."""
    schema = _resolved(root, schema)
    own = [str(schema["const"])] if "const" in schema else [str(choice) for choice in schema.get("enum", [])]
    return own + [choice for branch in schema.get("anyOf", []) for choice in _choices(root, branch)]


def words(root: Schema, schema: Schema) -> str:
    """What a schema accepts, in words: `a number > 0 and <= 1`, `one of exact, partial`."""
    schema = _resolved(root, schema)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(words(root, branch) for branch in schema["anyOf"]))
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(str(choice) for choice in schema['enum'])}"
    if "properties" in schema:
        return f"a section with {', '.join(schema['properties'])}"
    match schema.get("type"):
        case "integer" | "number" as kind:
            signs = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
            limits = [f"{sign} {schema[name]}" for name, sign in signs.items() if name in schema]
            what = "an integer" if kind == "integer" else "a whole number" if "multipleOf" in schema else "a number"
            return f"{what} {' and '.join(limits)}".rstrip()
        case "array" if "prefixItems" in schema:
            items = schema["prefixItems"]
            return f"a list of {len(items)} ({', '.join(words(root, item) for item in items)})"
        case "array":
            least = f"at least {schema['minItems']}, " if "minItems" in schema else ""
            return f"a list ({least}each {words(root, schema.get('items', {}))})"
        case "object":
            keys = f"from {words(root, schema['propertyNames'])} " if "propertyNames" in schema else ""
            keys = "from names " if "patternProperties" in schema else keys
            return f"a mapping {keys}to {words(root, _entries(schema) or {})}"
        case "string":
            return f"a text matching {schema['pattern']}" if "pattern" in schema else "a text"
        case "boolean":
            return "true or false"
        case "null":
            return "null"
    return "a value"
