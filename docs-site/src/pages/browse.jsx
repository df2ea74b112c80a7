// Everything in a list, with filters.
import { useEffect, useMemo, useState } from "preact/hooks";
import { health, link, nodes, site } from "../data.js";
import { kindName, number } from "../format.js";
import { plain } from "../markdown.js";
import { Engine, Health, Kind } from "../parts.jsx";
import { address, replace } from "../router.js";
import { descriptionOf, prepare } from "../search.js";

const PAGE = 100;
const kinds = [...new Set(nodes.map((node) => node.kind))];
const tags = [...new Set(nodes.flatMap((node) => node.tags))].sort();

export function Browse({ query }) {
  const [shown, setShown] = useState(PAGE);
  const [, ready] = useState(false);
  useEffect(() => { prepare().then(() => ready(true)); }, []);
  const filter = Object.fromEntries(["q", "kind", "engine", "group", "tag", "state"].map((name) => [name, query.get(name) ?? ""]));
  const set = (name, value) => { setShown(PAGE); replace("browse", { ...filter, [name]: value }); };
  const found = useMemo(() => {
    const text = filter.q.toLowerCase();
    return nodes
      .filter((node) =>
        (!text || node.name.toLowerCase().includes(text) || node.path.toLowerCase().includes(text)) &&
        (filter.kind ? node.kind === filter.kind : node.kind !== "test") &&
        (!filter.engine || node.engine?.name === filter.engine) &&
        (!filter.group || (filter.group === "-" ? !node.group : node.group?.name === filter.group)) &&
        (!filter.tag || node.tags.includes(filter.tag)) &&
        (!filter.state || (filter.state === "bad" ? ["warn", "fail"].includes(health(node)) : health(node) === null)))
      .sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || a.name.localeCompare(b.name));
  }, [JSON.stringify(filter)]);
  const choice = (name, label, options) =>
    options.length > 1 && (
      <label>
        <span class="reader">{label}</span>
        <select value={filter[name]} onChange={(event) => set(name, event.currentTarget.value)}>
          <option value="">{label}</option>
          {options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
        </select>
      </label>
    );
  return (
    <>
      <h1>Browse</h1>
      <form class="filters" onSubmit={(event) => event.preventDefault()} role="search" aria-label="Filter">
        <input type="search" placeholder="Name or path" aria-label="Name or path" value={filter.q} onInput={(event) => set("q", event.currentTarget.value)} />
        {choice("kind", "Any kind", kinds.map((kind) => [kind, kindName(kind)]))}
        {choice("engine", "Any engine", site.engines.map((engine) => [engine.name, engine.name]))}
        {choice("group", "Any group", site.groups.map((group) => [group.name, group.name]))}
        {choice("tag", "Any tag", tags.map((tag) => [tag, tag]))}
        {choice("state", "Any state", [["bad", "tests that did not pass"], ["untested", "no tests, or not run"]])}
        <span class="quiet" aria-live="polite">{number(found.length)} of {number(nodes.length)}</span>
      </form>
      <ul class="list">
        {found.slice(0, shown).map((node) => (
          <li key={node.id}>
            <Kind node={node} />
            <div>
              <a href={link(node)}>{node.name}</a>
              <p>{plain(descriptionOf(node)) || <span class="quiet">{node.path}</span>}</p>
            </div>
            <span class="meta">
              {node.group && <a class="tag" href={address("browse", { group: node.group.name })}>{node.group.name}</a>}
              <Engine engine={node.engine} />
              <Health node={node} />
            </span>
          </li>
        ))}
      </ul>
      {found.length > shown && <button class="more" onClick={() => setShown(shown + 5 * PAGE)}>Show more</button>}
      {!found.length && <p class="empty">Nothing is like that.</p>}
    </>
  );
}
