#!/usr/bin/env python3
"""Compares what dbt-core and Pintail wrote to their target folders: artifacts field by field, compiled SQL as text.

usage: scripts/compat_artifacts.py [--all] DBT_TARGET PINTAIL_TARGET

Every field of manifest.json, run_results.json, catalog.json, sources.json and of the semantic manifest is held
against the other's: names, values, absent keys, the order of lists. Left out are times, ids of runs, and what
stands inside of the macros of dbt's own packages (that such a macro is called is compared). Differences are put
together by the place where they are: `nodes.model.*.config.x: …, 12 times`. Never writes anything.
"""
import json
import pathlib
import re
import sys

OWN = ("dbt", "dbt_duckdb", "dbt_postgres")
SKIPPED_KEYS = {"created_at", "generated_at", "invocation_id", "invocation_started_at", "run_started_at", "user_id",
                "started_at", "completed_at", "execution_time", "elapsed_time", "thread_id", "snapshotted_at",
                "max_loaded_at_time_ago_in_s", "project_id", "send_anonymous_usage_stats", "adapter_unique_id", "partial_parse_file_path"}
# dbt fills these from sets, or in the order in which threads end.
UNORDERED = re.compile(r"(depends_on\.macros|primary_key|nodes\..*\.sources|args\..*|nodes\.\*\.supported_languages|disabled\.\*|results|timing|group_map\..*)$")
FILES = ("manifest.json", "run_results.json", "catalog.json", "sources.json", "semantic_manifest.json")
STAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z|\+00)?")
KINDS = {"model", "test", "seed", "snapshot", "source", "analysis", "operation", "unit_test", "exposure", "metric",
         "semantic_model", "saved_query", "macro", "doc", "group", "function", "sql_operation"}


def own_macro(key):
    kind, _, rest = key.partition(".")
    return kind in ("macro", "doc") and rest.split(".")[0] in OWN


class Comparison:
    """Differences of two values, gathered by generalized path."""

    def __init__(self, masks):
        self.masks = masks
        self.found = {}

    def add(self, path, where, one, two):
        self.found.setdefault(path, []).append((where, one, two))

    def masked(self, value, side):
        if isinstance(value, str):
            for text in self.masks[side]:
                value = value.replace(*text)
            return STAMP.sub("<time>", value)
        return value

    def values(self, path, where, one, two):
        if isinstance(one, dict) and isinstance(two, dict):
            for key in [*one, *(k for k in two if k not in one)]:
                if key in SKIPPED_KEYS or own_macro(key) and path.endswith(("macros", "docs")):
                    continue
                generic = key
                if "." in key and key.split(".")[0] in KINDS:
                    generic, inner = key.split(".")[0] + ".*", key
                    if path.split(".")[-1] in ("parent_map", "child_map"):
                        generic = "*"
                elif path.endswith((".columns", "model_constraints")):
                    generic, inner = "*", f"{where}.{key}"
                else:
                    inner = where
                there = f"{path}.{generic}" if path else generic
                if key not in one:
                    self.add(there, inner, "absent", two[key])
                elif key not in two:
                    self.add(there, inner, one[key], "absent")
                else:
                    self.values(there, inner, one[key], two[key])
        elif isinstance(one, list) and isinstance(two, list):
            if UNORDERED.search(path) or path == "nodes":
                one, two = (sorted(v, key=lambda x: json.dumps(x, sort_keys=True)) for v in (one, two))
            if len(one) != len(two) or not any(isinstance(v, (dict, list)) for v in one):
                if [self.masked(v, 0) for v in one] != [self.masked(v, 1) for v in two]:
                    self.add(path + "[]", where, one, two)
                return
            for a, b in zip(one, two):
                self.values(path + "[]", where, a, b)
        elif self.masked(one, 0) != self.masked(two, 1) or type(one) is not type(two):
            self.add(path, where, one, two)


def short(value, width=160):
    text = value if value == "absent" else json.dumps(value, default=str)
    return text if len(text) <= width else text[: width - 1] + "…"


def split(one, two):
    """Two texts from the point on where they part."""
    if isinstance(one, str) and isinstance(two, str) and len(one) + len(two) > 120:
        at = next((i for i, (a, b) in enumerate(zip(one, two)) if a != b), min(len(one), len(two)))
        at = max(0, at - 30)
        return "…" + one[at:], "…" + two[at:]
    return one, two


def by_id(results):
    """run_results and sources carry lists whose order is that of threads."""
    return {entry.get("unique_id", str(at)): entry for at, entry in enumerate(results)}


def load(path):
    content = json.loads(path.read_text())
    if path.name in ("run_results.json", "sources.json"):
        content["results"] = by_id(content["results"])
    if path.name == "semantic_manifest.json":
        # In the order of files, which is the file system's in dbt.
        for entries in content.values():
            if isinstance(entries, list):
                entries.sort(key=lambda entry: entry["name"])
    return content


def compare_texts(dbt, pintail, masks, found):
    """The SQL files below compiled/ and run/."""
    for kind in ("compiled", "run"):
        ours, theirs = ({str(p.relative_to(root / kind)): p for p in (root / kind).rglob("*") if p.is_file()}
                        for root in (pintail, dbt))
        for name in sorted(ours.keys() | theirs.keys()):
            if name not in ours or name not in theirs:
                found.setdefault(f"{kind}/ files", []).append((name, *("there" if name in f else "absent" for f in (theirs, ours))))
                continue
            compare = Comparison(masks)
            one, two = (compare.masked(f[name].read_text(), side) for side, f in enumerate((theirs, ours)))
            if one != two:
                found.setdefault(f"{kind}/ text", []).append((name, one, two))


def compare(dbt, pintail, roots=((), ())):
    """`place -> [(which, dbt's, Pintail's)]` for two target folders; `roots` are folders' names to leave out of texts."""
    found = {}
    masks = [[(root, "<work>") for root in side] for side in roots]
    for side, target in enumerate((dbt, pintail)):
        for name in ("manifest.json", "run_results.json"):
            if (target / name).exists():
                run = json.loads((target / name).read_text())["metadata"]["invocation_id"]
                masks[side].append((run, "<invocation>"))
    for name in FILES:
        one, two = dbt / name, pintail / name
        if one.exists() != two.exists():
            found[name] = [("", *("written" if path.exists() else "absent" for path in (one, two)))]
        elif one.exists():
            compared = Comparison(masks)
            compared.values("", "", load(one), load(two))
            found |= {f"{name}: {path}": where for path, where in compared.found.items()}
    compare_texts(dbt, pintail, masks, found)
    return found


def lines(found, everything=False):
    """The differences as lines for a reader."""
    for path, places in found.items():
        for where, one, two in places if everything else places[:1]:
            one, two = split(one, two)
            times = f" ({len(places)} times)" if len(places) > 1 and not everything else ""
            yield f"{path}{times}, {where}: dbt {short(one)}, pintail {short(two)}"


def main():
    folders = [pathlib.Path(a) for a in sys.argv[1:] if not a.startswith("--")]
    if len(folders) != 2:
        sys.exit(__doc__)
    found = compare(*folders, roots=tuple((str(f.absolute().parent),) for f in folders))
    for line in lines(found, "--all" in sys.argv):
        print(line)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
