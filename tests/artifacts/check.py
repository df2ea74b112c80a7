"""Loads Pintail's artifacts with the PyPI package dbt-artifacts-parser (0.15).

    python check.py TARGET_FOLDER [...]

Reads manifest.json, and run_results.json where there is one. Exits with 1 and the parser's words
where one does not load.
"""

import json
import sys
from pathlib import Path

from dbt_artifacts_parser.parser import parse_manifest_v12, parse_run_results_v6


def check(path: Path, parse) -> bool:
    try:
        artifact = parse(json.loads(path.read_text()))
    except Exception as error:  # The parser's own errors have several types.
        print(f"{path}: does not load\n{str(error)[:4000]}")
        return False
    many = getattr(artifact, "nodes", None) or getattr(artifact, "results", None) or []
    print(f"{path}: loads, {len(many)} entries")
    return True


def main() -> int:
    fine = True
    for folder in map(Path, sys.argv[1:]):
        fine &= check(folder / "manifest.json", parse_manifest_v12)
        if (folder / "run_results.json").exists():
            fine &= check(folder / "run_results.json", parse_run_results_v6)
    return 0 if fine and len(sys.argv) > 1 else 1


if __name__ == "__main__":
    sys.exit(main())
