"""Holds OpenLineage events, a JSON object a line, against the published schemas beside this file.

    python check.py EVENTS_FILE

Each event has to be a RunEvent, and each facet what its own `_schemaURL` says. Exits with 1 and
the errors where one is not. Needs the PyPI package jsonschema (4.18 or later).
"""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

SCHEMAS = [json.loads(path.read_text()) for path in Path(__file__).parent.glob("*.json")]
REGISTRY = Registry().with_resources((s["$id"], Resource.from_contents(s)) for s in SCHEMAS)


def errors(value, url):
    validator = Draft202012Validator({"$ref": url}, registry=REGISTRY, format_checker=FormatChecker())
    return [f"{url}: {error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def facets(value):
    """Every facet in an event."""
    if isinstance(value, dict):
        if "_schemaURL" in value:
            yield value
        for inner in value.values():
            yield from facets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from facets(inner)


found, checked = [], 0
for line in Path(sys.argv[1]).read_text().splitlines():
    event = json.loads(line)
    found += errors(event, event["schemaURL"])
    for facet in facets(event):
        found += errors(facet, facet["_schemaURL"])
        checked += 1
print("\n".join(found) or f"{checked} facets are valid")
sys.exit(1 if found else 0)
