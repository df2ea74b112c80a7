"""Which engine the suites run on: --engine duckdb (a file) or postgres (PINTAIL_TEST_PG_*)."""
import os

import pytest

pytest_plugins = ["dbt.tests.fixtures.project"]


def pytest_addoption(parser):
    parser.addoption("--engine", choices=["duckdb", "postgres"], default="duckdb")


@pytest.fixture(scope="class")
def dbt_profile_target(request, tmp_path_factory):
    if request.config.getoption("--engine") == "duckdb":
        return {"type": "duckdb", "threads": 4, "path": str(tmp_path_factory.mktemp("db") / "compat.duckdb")}
    return {
        "type": "postgres",
        "threads": 4,
        "host": os.environ["PINTAIL_TEST_PG_HOST"],
        "port": int(os.environ.get("PINTAIL_TEST_PG_PORT", "5432")),
        "user": os.environ.get("PINTAIL_TEST_PG_USER", "postgres"),
        "pass": os.environ.get("PINTAIL_TEST_PG_PASSWORD", "unused"),
        "dbname": os.environ.get("PINTAIL_TEST_PG_DATABASE", "postgres"),
    }
