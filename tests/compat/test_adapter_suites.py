"""Every suite of dbt-tests-adapter, made concrete: one class here for each of its `Base…` classes.

A base class that the suite itself turns into `Test…` is taken as it stands; one that other bases
build on, and one without tests, is left out.
"""
import importlib
import inspect
import pkgutil

import dbt.tests.adapter


def modules():
    for found in pkgutil.walk_packages(dbt.tests.adapter.__path__, "dbt.tests.adapter."):
        try:
            yield importlib.import_module(found.name)
        except ImportError:
            continue


def has_tests(kind):
    return any(name.startswith("test_") and callable(getattr(kind, name)) for name in dir(kind))


def packages_without_init():
    """The suite's folders are namespace packages: walk_packages does not enter them."""
    import pathlib

    root = pathlib.Path(list(dbt.tests.adapter.__path__)[0])
    for path in sorted(root.rglob("*.py")):
        if path.name == "__init__.py":
            continue
        name = "dbt.tests.adapter." + ".".join(path.relative_to(root).with_suffix("").parts)
        try:
            yield importlib.import_module(name)
        except ImportError:
            continue


_found = {}
for _module in packages_without_init():
    for _name, _kind in inspect.getmembers(_module, inspect.isclass):
        if _kind.__module__ != _module.__name__ or not has_tests(_kind):
            continue
        if _name.startswith("Test"):
            _found[_kind] = _name
        elif _name.startswith("Base") or _name.startswith("_Base"):
            _found[_kind] = "Test" + _name.lstrip("_").removeprefix("Base")

_taken = set()
for _kind, _name in _found.items():
    while _name in _taken:
        _name += "_"
    _taken.add(_name)
    globals()[_name] = type(_name, (_kind,), {"__module__": __name__, "__test__": True})
