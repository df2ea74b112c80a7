"""Runs a Python model of dbt-duckdb outside the process that holds the database.

Reads one JSON object from its standard input. What the model reads is in the DuckDB file `given`,
one table for each relation; it appears under its real names in a database in memory, which is the
session of the model. What it returns is written to the DuckDB file `made` as the table `result`.
"""
import importlib.util
import json
import os
import sys
import traceback

job = json.load(sys.stdin)
sys.path[:0] = [os.path.abspath(path) for path in job["module_paths"]]

try:
    import duckdb
except ImportError:
    print("no duckdb", file=sys.stderr)
    sys.exit(3)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def text(value):
    return "'" + value.replace("'", "''") + "'"


def session():
    con = duckdb.connect(":memory:", config={"allow_unsigned_extensions": "true"})
    for extension in job["extensions"]:
        try:
            con.load_extension(extension)
        except duckdb.Error:
            pass  # the model may not need it
    for name, value in job["settings"].items():
        try:
            con.execute(f"set {name} = {text(value)}")
        except duckdb.Error:
            pass  # of an extension, or for the database file only
    databases = {"memory", "temp", "system"}
    if job["relations"]:
        con.execute(f"attach {text(job['given'])} as pintail_given (read_only)")
    for number, relation in enumerate(job["relations"]):
        database, schema = relation["database"], relation["schema"]
        if database not in databases:
            databases.add(database)
            con.execute(f"attach ':memory:' as {quoted(database)}")
        place = f"{quoted(database)}.{quoted(schema)}"
        con.execute(f"create schema if not exists {place}")
        con.execute(
            f"create view {place}.{quoted(relation['identifier'])} as select * from pintail_given.main.given_{number}"
        )
    if job["database"] not in databases:
        con.execute(f"attach ':memory:' as {quoted(job['database'])}")
    con.execute(f"use {quoted(job['database'])}")
    return con


def load(path):
    spec = importlib.util.spec_from_file_location(job["name"], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    con = session()
    module = load(job["code"])
    made = module.model(module.dbtObj(lambda name: con.query(f"select * from {name}")), con)
    con.execute(f"attach {text(job['made'])} as pintail_made")
    if type(made).__module__.startswith("pyarrow"):
        import pyarrow.dataset  # noqa: F401 (DuckDB needs it to read a table)
    con.register("pintail_returned", made)
    con.execute("create table pintail_made.main.result as select * from pintail_returned")
    con.execute("detach pintail_made")


try:
    main()
except BaseException:  # a model may call sys.exit()
    kind, error, trace = sys.exc_info()
    # From the model's own code on.
    while trace.tb_next and trace.tb_frame.f_code.co_filename != job["code"]:
        trace = trace.tb_next
    own = trace.tb_frame.f_code.co_filename == job["code"]
    if own:
        print(f"line {trace.tb_lineno}", file=sys.stderr)
    traceback.print_exception(kind, error, trace if own else None)
    sys.exit(1)
