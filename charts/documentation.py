"""Writes the chart's README.md and values.schema.json from values.yaml: `python charts/documentation.py [--check]`.

The comment above a value says what it is. Lines in it that begin with "+" are for this program alone:

    # +section=Services        a heading of the README; the comment that follows is its text
    # +enum=Recreate|None      the values that are allowed
    # +minimum=1  +maximum=9   bounds of a number
    # +pattern=^[a-z]*$        what a text must match
    # +number                  a number that need not be whole
    # +strings                 a list of texts

Mappings that are empty by default may hold anything; lists, too. `resources` are Kubernetes' own.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent / "synthoscope"
_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z]\w*):(?P<rest>.*)$")
_QUANTITIES = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}
_RESOURCES = {
    "type": "object",
    "additionalProperties": False,
    "required": ["requests", "limits"],
    "properties": {"requests": _QUANTITIES, "limits": _QUANTITIES},
}


@dataclass
class Note:
    """What the comment above a value says."""

    path: tuple[str, ...]
    text: str
    rules: dict[str, str]
    section: str = ""
    introduction: str = ""


def notes(text: str) -> Iterator[Note]:
    """The values that have a line of their own, in order, each with its comment."""
    stack: list[tuple[int, str]] = []
    comment: list[str] = []
    section, introduction = "", ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.removeprefix("#").strip())
            continue
        if not stripped:
            words, rules = _read(comment)
            if "section" in rules:
                section, introduction = rules["section"], words
            comment = []
            continue
        if match := _KEY.match(line):
            indent = len(match["indent"])
            stack = [entry for entry in stack if entry[0] < indent] + [(indent, match["key"])]
            words, rules = _read(comment)
            yield Note(tuple(key for _, key in stack), words, rules, section, introduction)
            section, introduction = "", ""
        comment = []


def _read(comment: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The words of a comment, and what its lines with "+" say."""
    rules: dict[str, str] = {}
    words = []
    for line in comment:
        if line.startswith("+"):
            for rule in line.split(" +"):
                name, _, value = rule.removeprefix("+").partition("=")
                rules[name.strip()] = value.strip()
        else:
            words.append(line)
    return " ".join(words), rules


def at(values: Any, path: Sequence[str]) -> Any:
    """The value at a path."""
    for key in path:
        values = values[key]
    return values


def schema(values: dict[str, Any], rules: dict[tuple[str, ...], dict[str, str]]) -> dict[str, Any]:
    """The JSON schema of the values: no unknown keys, the types of the defaults, and the comments' rules."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart synthoscope",
        # Helm itself adds this one.
        "properties": {"global": {"type": "object"}} | _properties(values, (), rules),
        "type": "object",
        "additionalProperties": False,
    }


def _properties(
    values: dict[str, Any], path: tuple[str, ...], rules: dict[tuple[str, ...], dict[str, str]]
) -> dict[str, Any]:
    return {key: _schema(value, (*path, key), rules) for key, value in values.items()}


def _schema(value: Any, path: tuple[str, ...], rules: dict[tuple[str, ...], dict[str, str]]) -> dict[str, Any]:
    if path[-1] == "resources":
        return _RESOURCES
    if path[-1] == "environment":
        return {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Z][A-Z0-9_]*$"},
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        }
    if isinstance(value, dict):
        if not value or path[-1] == "dashboardLabels":
            return {"type": "object"}
        return {"type": "object", "additionalProperties": False, "properties": _properties(value, path, rules)}
    if isinstance(value, list):
        return {"type": "array", "items": {"type": _items(value, rules.get(path, {}))}}
    return _scalar(value, rules.get(path, {}))


def _items(value: Sequence[Any], rules: dict[str, str]) -> str:
    if "strings" in rules:
        return "string"
    return "integer" if value and isinstance(value[0], int) else "object"


def _scalar(value: Any, rules: dict[str, str]) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        whole = isinstance(value, int) and "number" not in rules
        found: dict[str, Any] = {"type": "integer" if whole else "number", "minimum": 0}
        return found | {name: float(rules[name]) for name in ("minimum", "maximum") if name in rules}
    found = {"type": "string"}
    if "enum" in rules:
        found["enum"] = rules["enum"].split("|")
    if "pattern" in rules:
        found["pattern"] = rules["pattern"]
    return found


def readme(values: dict[str, Any], described: Sequence[Note], template: str) -> str:
    """The README: the template with tables of the values in place of `{{ values }}`."""
    parents = {note.path[:-1] for note in described}
    lines: list[str] = []
    for note in described:
        if note.section:
            introduction = [note.introduction, ""] if note.introduction else []
            lines += ["", f"### {note.section}", "", *introduction, "| value | default | what it is |", "|---|---|---|"]
        if note.path in parents and not note.text:
            continue
        default = "" if note.path in parents else f"`{json.dumps(at(values, note.path), ensure_ascii=False)}`"
        lines.append(f"| `{'.'.join(note.path)}` | {default} | {note.text.replace('|', chr(92) + '|')} |")
    return template.replace("{{ values }}", "\n".join(lines).strip())


def made() -> dict[Path, str]:
    """The files that follow from values.yaml, and what is in them."""
    text = (CHART / "values.yaml").read_text()
    values, described = yaml.safe_load(text), list(notes(text))
    rules = {note.path: note.rules for note in described}
    return {
        CHART / "values.schema.json": json.dumps(schema(values, rules), indent=1) + "\n",
        CHART / "README.md": readme(values, described, (CHART / "README.template.md").read_text()),
    }


def main() -> None:
    """Writes the files; with --check, exits 1 when one is not as it should be."""
    stale = [path for path, text in made().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        sys.exit("".join(f"{path} is stale: run make chart\n" for path in stale) or 0)
    for path, text in made().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
