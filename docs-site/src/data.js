// The data of the site: the index, and parts that are fetched when they are looked at. A part is a
// script that calls `pintail(name, data)`, so that it may be read from file://.

const parts = window.pintailParts;
const waiting = window.pintailWaiting;
const loading = new Map();

/** The data of a part; loads its script once. */
export function part(name) {
  if (parts.has(name)) return Promise.resolve(parts.get(name));
  if (!loading.has(name)) {
    const promise = new Promise((resolve, reject) => {
      waiting.set(name, resolve);
      const script = document.createElement("script");
      script.src = `site/data/${encodeURIComponent(name)}.js`;
      script.onerror = () => {
        loading.delete(name);
        reject(new Error(`The file site/data/${name}.js cannot be read.`));
      };
      document.head.append(script);
    });
    loading.set(name, promise);
  }
  return loading.get(name);
}

const index = parts.get("index");
const named = (list, at) => (at < 0 ? null : list[at]);

/** Everything that has a page, in the order of the site. */
export const nodes = index.nodes.map((row, at) => {
  const [id, kind, name, pack, engine, group, materialized, schema, path, tags, parents, status, tests] = row;
  const package_ = named(index.packages, pack);
  return {
    at,
    id: id ?? `${kind}.${package_}.${name}`,
    kind,
    name,
    package: package_,
    engine: named(index.engines, engine),
    group: named(index.groups, group),
    materialized: kind === "model" || kind === "snapshot" ? named(index.materializations, materialized) : null,
    schema: named(index.schemas, schema),
    path,
    tags,
    parents,
    children: [],
    status,
    tests, // [passed, warned, failed, all], or null
  };
});
for (const node of nodes) for (const parent of node.parents) nodes[parent].children.push(node.at);

const byId = new Map(nodes.map((node) => [node.id, node]));
const byName = new Map();
for (const node of nodes) if (!byName.has(node.name)) byName.set(node.name, node);

export const site = index;

/** A node by its unique_id, or by its name. */
export const find = (id) => byId.get(id) ?? byName.get(id);

/** The details of a node. */
export async function detail(node) {
  const { chunks } = index;
  let low = 0;
  let high = chunks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (chunks[middle] <= node.at) low = middle;
    else high = middle - 1;
  }
  return (await part(`nodes-${low}`))[node.at - chunks[low]];
}

/** Whether data moves between engines from one node to another: "bridge" is a copy, "in place" a read. */
export function crossing(from, to) {
  if (!from.engine || !to.engine || from.engine === to.engine) return null;
  return from.engine.type === "duckdb" ? "bridge" : "in place";
}

/** How a node's last tests ended: "fail", "warn", "pass", or null where there are none. */
export function health(node) {
  if (!node.tests) return null;
  const [passed, warned, failed] = node.tests;
  if (failed) return "fail";
  if (warned) return "warn";
  return passed ? "pass" : null;
}

export const link = (node) => `#/node/${encodeURIComponent(node.id)}`;
