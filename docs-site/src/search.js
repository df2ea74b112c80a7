// Search over everything. Names, columns, descriptions and tests go through an index that allows for
// slips of the pen; code is searched as it stands, which is quick enough for megabytes of it.
import MiniSearch from "minisearch";
import { nodes, part } from "./data.js";

const FIELDS = ["name", "columns", "tags", "path", "description", "about", "tests"];
const BOOST = { name: 8, columns: 3, tags: 2, path: 1.5, description: 1.5, about: 1, tests: 0.5 };

const split = (text) => text.split(/[^\p{L}\p{N}]+/u).filter(Boolean);

const engine = new MiniSearch({
  fields: FIELDS,
  // The whole name as well as its words.
  tokenize: (text, field) => {
    const words = split(text);
    if (field !== "name" && field !== "columns" && field !== undefined) return words;
    return [...new Set([...text.split(/\s+/), ...words])].filter(Boolean);
  },
  searchOptions: {
    boost: BOOST,
    prefix: true,
    fuzzy: (term) => (term.length > 4 ? 0.2 : false),
    combineWith: "AND",
    tokenize: split,
  },
});

let preparing = null;
let texts = null;
let code = null;

/** Reads the texts and makes the index, a slice at a time, so that typing goes on meanwhile. */
export function prepare() {
  preparing ??= (async () => {
    texts = await part("search");
    const documents = nodes.map((node, at) => {
      const [description, columns, about, tests] = texts[at];
      return { id: at, name: node.name, columns, tags: node.tags.join(" "), path: node.path, description, about, tests };
    });
    await engine.addAllAsync(documents, { chunkSize: 200 });
    indexed = true;
    code = (await part("sql")).map((text) => text.toLowerCase());
  })();
  return preparing;
}

let indexed = false;

/** The description of a node, once it is there. */
export const descriptionOf = (node) => texts?.[node.at][0] ?? "";

function excerpt(text, at, length) {
  const from = Math.max(0, at - 40);
  const to = Math.min(text.length, at + length + 60);
  return { before: (from ? "…" : "") + text.slice(from, at), hit: text.slice(at, at + length), after: text.slice(at + length, to) + (to < text.length ? "…" : "") };
}

/** Where a node holds the words: the field, and the text around the first of them. */
function where(node, query) {
  // A name of all the words, such as a column's, before each of them.
  const words = [query.trim().toLowerCase().replace(/\s+/g, "_"), ...split(query.toLowerCase())];
  const [description, columns, about, tests] = texts?.[node.at] ?? ["", "", "", ""];
  for (const word of words) {
    for (const [field, text] of [["column", columns], ["description", description], ["column description", about], ["test", tests], ["path", node.path]]) {
      const at = text.toLowerCase().indexOf(word);
      if (at >= 0) return { field, ...excerpt(text.replace(/\s/g, " "), at, word.length) };
    }
  }
  return null;
}

/** The best hits: `{node, where}`. */
export async function search(query, limit = 40) {
  const text = query.trim().toLowerCase();
  if (!text) return [];
  const found = new Map();
  const add = (at, score, why) => {
    const known = found.get(at);
    if (!known || known.score < score) found.set(at, { at, score, why: why ?? known?.why });
  };
  for (const node of nodes) {
    const name = node.name.toLowerCase();
    if (name === text || node.id === text) add(node.at, 3000);
    else if (name.startsWith(text)) add(node.at, 2000 - name.length);
    else if (name.includes(text)) add(node.at, 1500 - name.length);
  }
  if (indexed) for (const hit of engine.search(text)) add(hit.id, Math.min(hit.score, 1000));
  if (code && text.length > 2) {
    for (let at = 0; at < code.length; at++) {
      const place = code[at].indexOf(text);
      if (place >= 0 && !found.has(at)) {
        const source = window.pintailParts.get("sql")[at];
        add(at, 0.01, { field: "code", ...excerpt(source, place, text.length) });
      }
    }
  }
  const rank = { model: 0, source: 0, seed: 0, snapshot: 0, exposure: 0 };
  return [...found.values()]
    .sort((a, b) => b.score - a.score || (rank[nodes[a.at].kind] ?? 1) - (rank[nodes[b.at].kind] ?? 1))
    .slice(0, limit)
    .map(({ at, why }) => ({ node: nodes[at], where: why ?? where(nodes[at], text) }));
}
