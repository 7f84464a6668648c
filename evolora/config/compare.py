"""How two worlds differ, in words: a sentence for every setting, with what it means."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from evolora.config.comments import meaning, section_of


def differences(old: BaseModel, new: BaseModel) -> list[str]:
    """A sentence for every setting of two worlds that is not the same, in the order of the world file."""
    return _compare(type(old), old.model_dump(mode="json"), new.model_dump(mode="json"), "", "")


def _compare(
    model: type[BaseModel], old: Mapping[str, Any], new: Mapping[str, Any], path: str, context: str
) -> list[str]:
    """`context`: the meaning of the section, where its fields need it (a trait's range is the range of something)."""
    sentences: list[str] = []
    for key in model.model_fields:
        before, after = old[key], new[key]
        section, where, what = section_of(model, key), f"{path}{key}", meaning(model, key)
        if before == after:
            continue
        if section is not None and isinstance(before, Mapping) and isinstance(after, Mapping):
            inner = what if model.model_fields[key].description else ""
            sentences += _compare(section, before, after, f"{where}.", inner)
        elif section is not None and isinstance(before, list) and isinstance(after, list):
            sentences += _compare_items(section, before, after, where, what)
        elif isinstance(before, Mapping) and isinstance(after, Mapping):
            sentences += _compare_tables(before, after, where, what)
        else:
            full = f"{context.rstrip('.')}: {what[:1].lower()}{what[1:]}" if context else what
            sentences.append(_ended(f"{where} {_change(before, after)}", full))
    return sentences


def _compare_items(
    section: type[BaseModel], old: Sequence[Any], new: Sequence[Any], where: str, what: str
) -> list[str]:
    """Lists of sections: those with a name of their own are matched by it, others by their number."""
    before, after = _named(old), _named(new)
    sentences = [_ended(f"{where}.{name} is gone", what) for name in before if name not in after]
    for name, item in after.items():
        if name in before:
            sentences += _compare(section, before[name], item, f"{where}.{name}.", "")
        else:
            defaults = {
                key: field.get_default(call_default_factory=True) for key, field in section.model_fields.items()
            }
            given = [f"{key} {_shown(value)}" for key, value in item.items() if value != defaults[key]]
            sentences.append(_ended(f"{where}.{name} is new ({', '.join(given)})", what))
    if not sentences:
        sentences.append(_ended(f"{where} is in another order: {', '.join(after)}", what))
    return sentences


def _named(items: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {
        str(item.get("name") or item.get("family", number)).replace(":", "_"): item for number, item in enumerate(items)
    }


def _compare_tables(old: Mapping[str, Any], new: Mapping[str, Any], where: str, what: str) -> list[str]:
    sentences = []
    for key in dict.fromkeys([*old, *new]):
        if key not in new:
            sentences.append(_ended(f"{where}.{key} is gone (it was {_shown(old[key])})", what))
        elif key not in old:
            sentences.append(_ended(f"{where}.{key} is new: {_shown(new[key])}", what))
        elif old[key] != new[key]:
            sentences.append(_ended(f"{where}.{key} {_change(old[key], new[key])}", what))
    return sentences


def _change(before: Any, after: Any) -> str:
    if isinstance(after, bool) and isinstance(before, bool):
        return "is switched on" if after else "is switched off"
    if isinstance(before, int | float) and isinstance(after, int | float):
        return f"{'rises' if after > before else 'falls'} from {_shown(before)} to {_shown(after)}"
    if _are_words(before) and _are_words(after) and set(before) != set(after):
        lost = [word for word in before if word not in after]
        gained = [word for word in after if word not in before]
        parts = [f"{verb} {', '.join(words)}" for verb, words in (("loses", lost), ("gains", gained)) if words]
        return " and ".join(parts)
    return f"changes from {_shown(before)} to {_shown(after)}"


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, list):
        return f"[{', '.join(_shown(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_shown(item)}' for key, item in value.items())}}}"
    return repr(value) if isinstance(value, str) and not value.isidentifier() else str(value)


def _ended(sentence: str, what: str) -> str:
    """The sentence with the setting's meaning after it."""
    end = what.strip()
    return f"{sentence}. {end}{'' if end.endswith('.') else '.'}" if end else f"{sentence}."
