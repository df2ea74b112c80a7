"""Writes the expected output into cases.txt: what real Jinja2 makes of each template.

Run it with a Python that has jinja2, after adding templates:  python cases.py
A record is a template line, then `=> ` with the output as JSON, or `=> error`. `# ` is a comment.
A record whose output differs on purpose ends with ` # differs: …` and is kept as it is.
"""

import datetime, decimal, itertools, json, pathlib, re, sys

import jinja2
import jinja2.sandbox
from dbt_common.clients import jinja as dbt_jinja


def make_dict(*items):
    return dict(zip(items[::2], items[1::2]))


def concat(*items):
    return "".join(str(i) for i in items)


def slice_(v, start=None, stop=None, step=None):
    return v[start:stop:step]


env = dbt_jinja.get_environment(None, capture_macros=False)
env.globals.update(
    __list=lambda *i: list(i), __dict=make_dict, __tuple=lambda *i: tuple(i),
    __concat=concat, __slice=slice_,
    set=lambda v, default=None: set(v), zip=lambda *a: zip(*a), tojson=lambda v, default=None, sort_keys=False: json.dumps(v, sort_keys=sort_keys),
    fromjson=lambda v, default=None: json.loads(v),
    modules={
        "datetime": {n: getattr(datetime, n) for n in ["date", "datetime", "time", "timedelta", "timezone"]},
        "re": {n: getattr(re, n) for n in re.__all__},
        "itertools": {n: getattr(itertools, n) for n in ["chain", "product", "combinations", "permutations", "islice", "zip_longest", "count", "repeat", "accumulate", "compress", "starmap", "cycle", "combinations_with_replacement", "tee"]},
    },
)
try:
    import pytz
    env.globals["modules"]["pytz"] = {n: getattr(pytz, n) for n in pytz.__all__}
except ImportError:
    pass
env.globals["d"] = {
    name: decimal.Decimal(digits)
    for name, digits in (pair.split("=") for pair in pathlib.Path(__file__).with_name("decimals.txt").read_text().split())
}
env.globals.update(x1=1, x2=2, x7=7)
env.globals["nested"] = {"a": [{"b": 1}, {"b": 2}], "s": "x"}
env.globals["people"] = [
    {"name": "Bo", "age": 3, "city": "X", "tags": ["p"]},
    {"name": "al", "age": 1, "city": "Y", "tags": []},
    {"name": "Cy", "age": 2, "city": "X"},
]

# `__x(` would be mangled by nothing in Jinja2; the sandbox forbids attributes, not names.
path = pathlib.Path(__file__).with_name("cases.txt")
out, template = [], None
for line in path.read_text().split("\n"):
    if line.startswith("=> "):
        if " # differs" in line:
            out.append(line)
        continue
    out.append(line)
    if not line or line.startswith("# "):
        continue
    try:
        result = env.from_string(line.replace("\\n", "\n")).render({})
        out.append("=> " + json.dumps(result, ensure_ascii=False))
    except Exception as e:
        print(line, "->", type(e).__name__, e, file=sys.stderr)
        out.append("=> error")
text = "\n".join(out)
# A record that differs on purpose has just got Python's output before its own: keep its own.
text = re.sub(r"\n=> [^\n]*(\n=> [^\n]* # differs)", r"\1", text)
path.write_text(text)
