"""A pytest plugin: suites written for dbt in-process run a command line instead.

`dbt.cli.main.dbtRunner.invoke` is replaced by a subprocess of the program that COMPAT_DBT names (a
`pintail` or a `dbt`), and what tests read of its outcome is rebuilt from the artifacts that it wrote.
The suites themselves, their fixtures and their SQL checks stay as they are. It never falls back to
dbt in-process: what the program does not write, a test does not see.

usage: COMPAT_DBT=…/pintail pytest -p subprocess_dbt …
"""
import json
import os
import pathlib
import re
import subprocess
import time

import dbt.cli.main
import dbt.tests.util
import dbt_common.exceptions
import yaml
from dbt.artifacts.schemas.catalog import CatalogArtifact
from dbt.artifacts.schemas.manifest import WritableManifest
from dbt.artifacts.schemas.results import FreshnessStatus, NodeStatus, RunStatus, TestStatus, TimingInfo
from dbt.artifacts.schemas.run import RunExecutionResult, RunResult
from dbt.cli.exceptions import DbtUsageException
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

PROGRAM = os.environ.get("COMPAT_DBT", "dbt")
TIMEOUT = float(os.environ.get("COMPAT_TIMEOUT", "120"))
COMMANDS = (
    "build clean clone compile debug deps docs init list ls parse retry run run-operation seed show snapshot source test"
).split()


def every_error_of_dbt():
    """One exception that is each of dbt's own: a command line does not say which one it was."""
    import dbt.adapters.exceptions
    import dbt.exceptions  # noqa: F401 (defines subclasses)

    def leaves(kind):
        below = kind.__subclasses__()
        return [kind] if not below else [leaf for one in below for leaf in leaves(one)]

    bases, seen = [], set()
    for leaf in leaves(dbt_common.exceptions.DbtBaseException) + [DbtUsageException]:
        if leaf in seen:
            continue
        seen.add(leaf)
        try:
            type("Probe", (*bases, leaf), {})
        except TypeError:  # an order of bases that Python can not lay out
            continue
        bases.append(leaf)

    def init(self, output):
        Exception.__init__(self, output)
        self.output = self.msg = self.message = output

    text = lambda self: self.output  # noqa: E731
    return type("CommandFailed", tuple(bases), {"__init__": init, "__str__": text, "__repr__": text})


CommandFailed = every_error_of_dbt()


def close_connections():
    """DuckDB lets one process at a time write to a file: the fixtures' own connections give way."""
    from dbt.adapters.factory import FACTORY

    for adapter in FACTORY.adapters.values():
        adapter.cleanup_connections()
        adapter.cache.clear()
    try:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    except ImportError:
        return
    DuckDBConnectionManager.close_all_connections()


def words_of(args, kwargs):
    """The command line of a call: keyword arguments become flags."""
    words = [str(arg) for arg in args or []]
    for key, value in kwargs.items():
        flag = "--" + key.replace("_", "-")
        if value is True:
            words.append(flag)
        elif value is False:
            words.append("--no-" + key.replace("_", "-"))
        elif isinstance(value, (list, tuple)):
            words += [flag, *map(str, value)]
        elif isinstance(value, dict):
            words += [flag, json.dumps(value)]
        elif value is not None:
            words += [flag, str(value)]
    return words


def flag_of(words, *names):
    for name in names:
        if name in words and words.index(name) + 1 < len(words):
            return words[words.index(name) + 1]
    return None


def target_folder(words):
    project = pathlib.Path(flag_of(words, "--project-dir") or os.environ.get("DBT_PROJECT_DIR") or os.getcwd())
    named = flag_of(words, "--target-path") or os.environ.get("DBT_TARGET_PATH")
    if not named:
        try:
            named = (yaml.safe_load((project / "dbt_project.yml").read_text()) or {}).get("target-path")
        except (OSError, yaml.YAMLError, AttributeError):
            named = None
    return project / (named or "target")


def load_manifest(target):
    return Manifest.from_writable_manifest(
        WritableManifest.upgrade_schema_version(json.loads((target / "manifest.json").read_text()))
    )


def status_of(text):
    for kind in (RunStatus, TestStatus, FreshnessStatus, NodeStatus):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def load_results(target):
    """run_results.json as dbt's own objects, each with its node of the manifest."""
    written = json.loads((target / "run_results.json").read_text())
    manifest = load_manifest(target)
    results = []
    for entry in written["results"]:
        node = manifest.expect(entry["unique_id"]) if known(manifest, entry["unique_id"]) else None
        if node is not None and entry.get("compiled_code") is not None:
            node.compiled_code = entry["compiled_code"]
        if node is not None and entry.get("relation_name") is not None:
            node.relation_name = entry["relation_name"]
        result = (
            RunResult(
                status=status_of(entry["status"]),
                timing=[TimingInfo.from_dict(timing) for timing in entry["timing"]],
                thread_id=entry["thread_id"],
                execution_time=entry["execution_time"],
                adapter_response=entry.get("adapter_response") or {},
                message=entry.get("message"),
                failures=entry.get("failures"),
                batch_results=None,
                node=node,
            )
        )
        if node is None:
            result.unique_id = entry["unique_id"]
        results.append(result)
    out = RunExecutionResult(results=results, elapsed_time=written["elapsed_time"], args=written.get("args", {}),
                             generated_at=None)
    return out


def known(manifest, unique_id):
    groups = (manifest.nodes, manifest.sources, manifest.exposures, manifest.metrics, manifest.semantic_models,
              manifest.unit_tests, manifest.saved_queries, manifest.functions)
    return any(unique_id in group for group in groups)


def shown(line):
    """The rows that `show` prints, as the table of a result."""
    import agate

    done = subprocess.run([*line, "--output", "json", "--quiet"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=TIMEOUT, env=environment())
    try:
        written = json.loads(done.stdout[done.stdout.index("{"):])
    except ValueError:
        return None
    result = RunResult(status=RunStatus.Success, timing=[], thread_id="", execution_time=0.0, adapter_response={},
                       message=None, failures=None, batch_results=None, node=None)
    result.agate_table = agate.Table.from_object(written["show"])
    return RunExecutionResult(results=[result], elapsed_time=0.0, args={}, generated_at=None)


def environment():
    own = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    return {**os.environ, **own, **test_clock()}


class Freshness:
    """sources.json, as far as tests look."""

    def __init__(self, path, target):
        self.written = json.loads(path.read_text())
        manifest = load_manifest(target) if (target / "manifest.json").exists() else None
        self.results = [Entry(entry, manifest) for entry in self.written["results"]]

    def __iter__(self):
        return iter(self.results)

    def __len__(self):
        return len(self.results)

    def __getitem__(self, at):
        return self.results[at]


class Entry:
    def __init__(self, entry, manifest):
        self.__dict__.update(entry)
        self.status = status_of(entry.get("status"))
        if manifest is not None and known(manifest, entry["unique_id"]):
            self.node = manifest.expect(entry["unique_id"])


_capture = None
_last_output = ""


def read_events(output, callbacks):
    """JSON log lines, given to callbacks as dbt's own event messages."""
    from google.protobuf import json_format

    import dbt.adapters.events.types as of_adapters
    import dbt.events.types as of_core
    import dbt_common.events.types as of_common

    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        try:
            entry = json.loads(line)
            name = entry["info"]["name"]
        except (ValueError, KeyError, TypeError):
            continue
        for module in (of_core, of_adapters, of_common):
            kind = getattr(module, name, None)
            if kind is None:
                continue
            message = getattr(kind.PROTO_TYPES_MODULE, f"{name}Msg", None)
            if message is None:
                continue
            parsed = json_format.ParseDict(entry, message(), ignore_unknown_fields=True)
            for callback in callbacks:
                callback(parsed)
            break


def count_deprecations(output):
    """The summary of deprecations, where tests look for them."""
    import dbt.deprecations as known

    names = {one._event: one.name for one in known.deprecations_list}
    for event, count in re.findall(r"^\s*- (\w+): (\d+) occurrences?", output, re.MULTILINE):
        if event in names:
            known.active_deprecations[names[event]] += int(count)


def test_clock():
    """A test that stops the clock, or says where batches end, stops the program's clock by libfaketime."""
    from unittest.mock import Mock

    from dbt.materializations.incremental.microbatch import MicrobatchBuilder

    if isinstance(MicrobatchBuilder.build_end_time, Mock):
        now = MicrobatchBuilder.build_end_time.return_value
    else:
        try:
            from freezegun.api import freeze_factories
        except ImportError:
            freeze_factories = []
        if not freeze_factories:
            return {}
        now = freeze_factories[-1]()
    libraries = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        return {}
    return {"LD_PRELOAD": str(libraries[0]), "FAKETIME": f"@{now:%Y-%m-%d %H:%M:%S}", "TZ": "UTC", "NO_FAKE_STAT": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def invoke(self, args=None, **kwargs):
    global _last_output
    words = words_of(args, kwargs)
    command = next((word for word in words if word in COMMANDS), None)
    target = target_folder(words)
    line = [PROGRAM, *words]
    if command in ("list", "ls") and "--quiet" not in words and "-q" not in words and "json" not in (flag_of(words, "--log-format") or ""):
        line.append("--quiet")
    json_added = bool(self.callbacks) and "--log-format" not in words and command not in ("list", "ls")
    if json_added:
        line += ["--log-format", "json", "--log-level", "debug"]
    close_connections()
    began = time.time() - 0.01
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT,
                          env=environment())
    _last_output = done.stdout + done.stderr
    print(f"$ {' '.join(line)}\n{_last_output}[exit code {done.returncode}]")
    count_deprecations(re.sub(r"\\x1b\[\d+m", "", _last_output.replace("\\n", "\n")))
    if _capture is not None:
        _capture.write(_last_output)
    if self.callbacks:
        read_events(done.stdout, self.callbacks)
    success = done.returncode == 0
    if done.returncode not in (0, 1):
        return dbtRunnerResult(success=False, exception=CommandFailed(_last_output))

    def fresh(name):
        path = target / name
        return path.exists() and path.stat().st_mtime >= began

    result = None
    if command in ("list", "ls"):
        result = [text for text in done.stdout.splitlines() if text.strip()]
    elif command == "parse":
        result = load_manifest(target) if fresh("manifest.json") else None
    elif command == "docs":
        result = CatalogArtifact.from_dict(json.loads((target / "catalog.json").read_text())) if fresh("catalog.json") else None
    elif command == "source":
        out = flag_of(words, "--output", "-o")
        path = pathlib.Path(out) if out else target / "sources.json"
        result = Freshness(path, target) if path.exists() else None
    elif command == "debug":
        result = success
    elif command == "show" and success and not {"--output", "--log-format"} & set(words):
        result = shown([PROGRAM, *words])
    elif fresh("run_results.json"):
        result = load_results(target)
    elif not success:
        return dbtRunnerResult(success=False, exception=CommandFailed(_last_output))
    return dbtRunnerResult(success=success, result=result)


def capture(stream):
    global _capture
    _capture = stream


def stop_capture():
    global _capture
    _capture = None


def get_manifest(project_root):
    target = pathlib.Path(str(project_root)) / "target"
    return load_manifest(target) if (target / "manifest.json").exists() else None


dbtRunner.invoke = invoke
dbt.tests.util.capture_stdout_logs = capture
dbt.tests.util.stop_capture_stdout_logs = stop_capture
dbt.tests.util.get_manifest = get_manifest
