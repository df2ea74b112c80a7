"""dagster-dbt over a small project on DuckDB, with the program that COMPAT_DBT names instead of dbt.

It reads the structured log of a `build` and the manifest: every model, seed and snapshot has to be
materialized as an asset with its metadata, and every test has to appear as an asset check.

usage: COMPAT_DBT=…/pintail python tests/compat/dagster_assets.py   (needs the PyPI package dagster-dbt)
"""
import os
import pathlib
import subprocess
import sys
import tempfile

from dagster import AssetExecutionContext, AssetKey, materialize
from dagster_dbt import DbtCliResource, dbt_assets

PROGRAM = os.environ.get("COMPAT_DBT", "dbt")

FILES = {
    "dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: shop\n",
    "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb, threads: 2}\n",
    "seeds/raw_orders.csv": "id,amount\n1,10\n2,20\n3,\n",
    "models/orders.sql": "{{ config(materialized='table') }}\nselect * from {{ ref('raw_orders') }}",
    "models/totals.sql": "select sum(amount) as amount from {{ ref('orders') }}",
    "models/schema.yml": (
        "models:\n- name: orders\n  description: All orders\n  columns:\n"
        "  - name: id\n    data_tests: [unique, not_null]\n"
        "  - name: amount\n    data_tests: [{not_null: {config: {severity: warn}}}]\n"
        "- name: totals\n  columns: [{name: amount, data_tests: [{accepted_values: {arguments: {values: [1]}}}]}]\n"
    ),
}


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dagster-compat-"))
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    subprocess.run([PROGRAM, "parse", "--quiet"], cwd=folder, check=True)
    dbt = DbtCliResource(project_dir=str(folder), profiles_dir=str(folder), dbt_executable=PROGRAM)

    @dbt_assets(manifest=folder / "target" / "manifest.json")
    def assets(context: AssetExecutionContext, dbt: DbtCliResource):
        yield from dbt.cli(["build"], context=context, raise_on_error=False).stream()

    result = materialize([assets], resources={"dbt": dbt}, raise_on_error=False)
    made = {event.asset_key: event.step_materialization_data.materialization.metadata
            for event in result.get_asset_materialization_events()}
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    problems = []

    def expect(what, got, wanted):
        print(f"{'ok  ' if got == wanted else 'FAIL'} {what}: {got}")
        if got != wanted:
            problems.append(what)

    expect("assets", sorted(key.to_user_string() for key in made), ["orders", "raw_orders", "totals"])
    metadata = made.get(AssetKey(["orders"]), {})
    expect("unique_id", getattr(metadata.get("unique_id"), "text", None), "model.shop.orders")
    expect("has an invocation", bool(metadata.get("invocation_id")), True)
    expect("has a duration", "Execution Duration" in metadata, True)
    expect(
        "checks",
        {name: (check.passed, check.severity.value) for name, check in sorted(checks.items())},
        {
            "accepted_values_totals_amount__1": (False, "ERROR"),
            "not_null_orders_amount": (False, "WARN"),
            "not_null_orders_id": (True, "ERROR"),
            "unique_orders_id": (True, "ERROR"),
        },
    )
    failed = checks.get("not_null_orders_amount")
    rows = failed and failed.metadata.get("dagster_dbt/failed_row_count")
    expect("failing rows of a check", getattr(rows, "value", None), 1)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
