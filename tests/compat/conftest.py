"""Which engine the suites run on: --engine duckdb (a file) or postgres (PINTAIL_TEST_PG_*)."""
import os
import pathlib
import sys

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


@pytest.fixture(scope="class")
def test_data_dir(request):
    """The data folder beside the module that a suite comes from, not beside this runner."""
    for kind in request.cls.__mro__ if request.cls else ():
        folder = pathlib.Path(getattr(sys.modules.get(kind.__module__), "__file__", None) or "").parent / "data"
        if kind.__module__.startswith("dbt.tests.adapter.") and folder.is_dir():
            return str(folder)
    return str(pathlib.Path(request.fspath).parent / "data")
