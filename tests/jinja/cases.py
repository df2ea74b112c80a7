"""Writes cases.txt: what dbt compiles each template of templates.txt to.

    python cases.py        with dbt-core 1.11.16 and dbt-duckdb installed

Each line of templates.txt is a model of its own (`\n` in it stands for nothing: it is Jinja's).
"""

import json
import logging
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from dbt.cli.main import dbtRunner

here = Path(__file__).parent
os.environ["PINTAIL_CASE"] = "42"
lines = (here / "templates.txt").read_text().splitlines()
cases = [line for line in lines if line and not line.startswith("## ")]
root = Path(tempfile.mkdtemp())
project = root / "project"
shutil.copytree(here / "project", project, ignore=shutil.ignore_patterns("package"))
shutil.copytree(here / "project/package", project / "dbt_packages/pkg")
(project / "packages.yml").write_text(json.dumps({"packages": [{"local": str(here / "project/package")}]}))
(project / "package-lock.yml").write_text((project / "packages.yml").read_text())
output = {"type": "duckdb", "path": ":memory:", "schema": "main", "threads": 1}
(root / "profiles.yml").write_text(json.dumps({"p": {"target": "dev", "outputs": {"dev": output}}}))
models = project / "models"
models.mkdir()
for number, case in enumerate(cases):
    (models / f"case_{number}.sql").write_text(case)
results = {}
while True:
    run = dbtRunner().invoke(
        ["compile", "--quiet", "--threads", "1", "--project-dir", str(project), "--profiles-dir", str(root)]
    )
    if not run.exception:
        break
    found = re.search(r"case_(\d+)", str(run.exception))
    if not found:
        sys.exit(str(run.exception))
    results[int(found[1])] = "ERROR " + str(run.exception).splitlines()[1].strip()
    (models / f"case_{found[1]}.sql").unlink()
for result in run.result.results:
    name = result.node.name
    if not name.startswith("case_"):
        continue
    text = result.node.compiled_code if result.status == "success" else "ERROR " + str(result.message)
    results[int(name[5:])] = text
with (here / "cases.txt").open("w") as out:
    out.write("# Written by cases.py: templates and what dbt-core 1.11.16 with dbt-duckdb makes of them.\n")
    for number, case in enumerate(cases):
        out.write(f"{case}\n=> {json.dumps(results[number], ensure_ascii=False)}\n")
shutil.rmtree(root)
