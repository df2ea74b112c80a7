// Which columns a column is made of, and which are made of it.
import { detail, nodes } from "../data.js";

/** How many nodes are looked into at most. */
const MOST = 60;

/** {columns: a set of "place column" in lower case, details: [[place, detail]] of the nodes that hold them} */
export async function traceColumn(place, column) {
  const start = `${place} ${column.toLowerCase()}`;
  const columns = new Set([start]);
  const details = new Map();
  const about = async (one) => {
    if (!details.has(one) && details.size < MOST) details.set(one, await detail(nodes[one]));
    return details.get(one);
  };
  const up = [[place, column]];
  for (const [one, name] of up) {
    for (const [own, from, fromColumn, kind] of (await about(one))?.lineage ?? []) {
      const key = `${from} ${fromColumn.toLowerCase()}`;
      if (kind === "filter" || own.toLowerCase() !== name.toLowerCase() || columns.has(key)) continue;
      columns.add(key);
      up.push([from, fromColumn]);
    }
  }
  const down = [[place, column]];
  for (const [one, name] of down) {
    for (const child of nodes[one].children) {
      for (const [own, from, fromColumn, kind] of (await about(child))?.lineage ?? []) {
        const key = `${child} ${own.toLowerCase()}`;
        if (kind === "filter" || from !== one || fromColumn.toLowerCase() !== name.toLowerCase() || columns.has(key)) continue;
        columns.add(key);
        down.push([child, own]);
      }
    }
  }
  const held = new Set([...columns].map((key) => Number(key.split(" ")[0])));
  return { columns, details: [...details].filter(([one]) => held.has(one)) };
}
