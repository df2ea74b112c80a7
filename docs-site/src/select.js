// dbt's selection syntax over the nodes of the page: `+name`, `name+2`, `@name`, `tag:`, `path:`, … with
// spaces for unions, commas for intersections, and `--exclude`.
import { nodes } from "./data.js";

function glob(pattern) {
  const source = pattern.replace(/[.+^${}()|\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
  return new RegExp(`^${source}$`, "i");
}

/** A path without the way out of the project's folder. */
const inside = (path) => path.replace(/^(\.{1,2}\/)+/, "");

/** Package, folders below the first, name. */
const fqn = (node) => [node.package, ...inside(node.path).replace(/\.[^./]*$/, "").split("/").slice(1, -1), node.name];

function byFqn(value) {
  const parts = value.split(".").map(glob);
  return (node) => {
    if (glob(value).test(node.name)) return true;
    const names = fqn(node);
    const matches = (from) => parts.length + from <= names.length && parts.every((part, at) => part.test(names[from + at]));
    return matches(0) || matches(1);
  };
}

const METHODS = {
  fqn: byFqn,
  tag: (value) => (node) => node.tags.some((tag) => glob(value).test(tag)),
  path: (value) => {
    const clean = inside(value).replace(/\/$/, "");
    const whole = glob(clean);
    return (node) => whole.test(inside(node.path)) || inside(node.path).startsWith(`${clean}/`);
  },
  file: (value) => (node) => {
    const file = node.path.split("/").at(-1);
    return glob(value).test(file) || glob(value).test(file.replace(/\.[^.]*$/, ""));
  },
  package: (value) => (node) => glob(value).test(node.package),
  source: (value) => (node) => {
    const parts = value.split(".");
    const names = [node.package, ...node.name.split(".")];
    return node.kind === "source" && [0, 1].some((from) => parts.every((part, at) => part === "*" || (names[from + at] && glob(part).test(names[from + at]))));
  },
  exposure: (value) => (node) => node.kind === "exposure" && (value === "*" || byFqn(value)(node)),
  group: (value) => (node) => node.group != null && glob(value).test(node.group.name),
  engine: (value) => (node) => node.engine != null && glob(value).test(node.engine.name),
  resource_type: (value) => (node) => node.kind === value,
  "config.materialized": (value) => (node) => node.materialized != null && glob(value).test(node.materialized),
  status: (value) => (node) => node.status === value || (value === "failing" && Boolean(node.tests?.[2] || node.tests?.[1])),
};

/** What one word names, as a set of places; throws with a message for a method that there is not. */
function criterion(word) {
  const match = /^(@)?(?:(\d*)(\+))?(?:([\w.]+):)?(.*?)(?:(\+)(\d*))?$/.exec(word);
  const [, at, upDepth, up, method, value, down, downDepth] = match;
  const inferred = method ?? (/[/\\]/.test(value) ? "path" : /\.(sql|py|csv)$/.test(value) ? "file" : "fqn");
  const make = METHODS[inferred];
  if (!make) throw new Error(`There is no method \`${method}:\`. Known are ${Object.keys(METHODS).map((name) => `${name}:`).join(", ")}.`);
  const test = make(value);
  const found = new Set(nodes.filter(test).map((node) => node.at));
  const out = new Set(found);
  const walk = (start, edges, depth) => {
    let level = [...start];
    const seen = new Set(start);
    for (let step = 0; level.length && step < depth; step++) {
      const next = [];
      for (const place of level) {
        for (const other of nodes[place][edges]) if (!seen.has(other)) { seen.add(other); next.push(other); }
      }
      level = next;
    }
    return seen;
  };
  const depth = (text) => (text ? Number(text) : Infinity);
  if (at) for (const place of walk(walk(found, "children", Infinity), "parents", Infinity)) out.add(place);
  if (up) for (const place of walk(found, "parents", depth(upDepth))) out.add(place);
  if (down) for (const place of walk(found, "children", depth(downDepth))) out.add(place);
  return out;
}

function union(words) {
  const out = new Set();
  for (const word of words) {
    const sets = word.split(",").filter(Boolean).map(criterion);
    for (const place of sets[0] ?? []) if (sets.every((set) => set.has(place))) out.add(place);
  }
  return out;
}

/** The places that a selection names, or null where it is empty: everything. */
export function select(text) {
  const [wanted, ...excluded] = text.split("--exclude");
  const words = (part) => part.replace(/--select\b/g, "").trim().split(/\s+/).filter(Boolean);
  if (!text.trim()) return null;
  const found = words(wanted).length ? union(words(wanted)) : new Set(nodes.keys());
  for (const place of union(words(excluded.join(" ")))) found.delete(place);
  return found;
}
