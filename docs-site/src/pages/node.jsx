// All about one node.
import { useEffect, useState } from "preact/hooks";
import { crossing, detail, find, link, nodes, site } from "../data.js";
import { ago, duration, kindName, number, plural, value as shown, when } from "../format.js";
import { usePromise } from "../hooks.js";
import { Bars, Code, Engine, Failing, Icon, Line, Loading, Markdown, NodeLink, Status } from "../parts.jsx";
import { address } from "../router.js";

export function NodePage({ id }) {
  const node = find(id);
  const state = usePromise(() => (node ? detail(node) : Promise.reject(new Error(`There is nothing called ${id}.`))), [id]);
  if (!node) return <p class="empty">There is nothing called <code>{id}</code> here. <a href="#/browse">Browse</a></p>;
  const about = state.value;
  return (
    <article class="node">
      <Head node={node} about={about} />
      {!about ? <Loading state={state} /> : <Body node={node} about={about} />}
    </article>
  );
}

function Head({ node, about }) {
  return (
    <header>
      <p class="crumbs">{kindName(node.kind)}{node.materialized && ` · ${node.materialized}`}{node.package !== site.project && ` · package ${node.package}`}</p>
      <div class="title">
        <h1>{node.name}</h1>
        <a class="button" href={address("graph", { select: `+${node.name}+`, node: node.id })}><Icon name="graph" />Lineage</a>
      </div>
      <p class="badges">
        <Engine engine={node.engine} />
        {node.group && <a class="tag group" href={address("browse", { group: node.group.name })}>{node.group.name}</a>}
        {node.tags.map((tag) => <a key={tag} class="tag" href={address("browse", { tag })}>{tag}</a>)}
        {about?.audited && <span class="tag good" title="Published only where its tests pass">audited</span>}
        {about?.config?.contract?.enforced && <span class="tag good">contract</span>}
        {about?.access && about.access !== "protected" && <span class="tag">{about.access}</span>}
        {about?.version && <span class="tag">version {about.version}</span>}
        {about?.deprecated && <span class="tag bad">deprecated {about.deprecated.slice(0, 10)}</span>}
      </p>
    </header>
  );
}

function Body({ node, about }) {
  const tests = [...(about.tests ?? [])];
  if (about.test) tests.push({ ...about.test, code: undefined });
  const singular = node.children.map((at) => nodes[at]).filter((child) => child.kind === "test");
  const columns = about.columns ?? [];
  const parents = node.parents.map((at) => nodes[at]);
  const children = node.children.map((at) => nodes[at]).filter((child) => child.kind !== "test");
  const sections = [
    ["columns", "Columns", columns.length],
    ["code", "Code", about.code ? 1 : 0],
    ["tests", "Tests", tests.length + singular.length],
    ["lineage", "Lineage", parents.length + children.length],
    ["history", "Runs", (about.executions ?? []).length],
  ].filter(([, , count]) => count);
  return (
    <>
      {about.description ? <Markdown text={about.description} /> : <p class="quiet nothing">No description yet{about.patch || node.path ? <>: write one in <code>{about.patch ?? node.path}</code></> : ""}.</p>}
      <Facts node={node} about={about} />
      {sections.length > 1 && (
        <nav class="sections" aria-label="On this page">
          {sections.map(([name, title, count]) => (
            <a key={name} href={`#${name}`} onClick={(event) => { event.preventDefault(); document.getElementById(name).scrollIntoView({ behavior: "smooth" }); }}>
              {title}{name !== "code" && name !== "history" && <small>{count}</small>}
            </a>
          ))}
        </nav>
      )}
      {columns.length > 0 && <Columns columns={columns} tests={tests} about={about} />}
      {about.code && <CodeSection node={node} about={about} />}
      {tests.length + singular.length > 0 && <Tests tests={tests} singular={singular} />}
      {parents.length + children.length > 0 && (
        <section id="lineage">
          <h2>Lineage</h2>
          <div class="two">
            <div>
              <h3>Reads <small>{parents.length}</small></h3>
              {parents.length ? <ul class="plainlist">{parents.map((one) => <li key={one.id}><NodeLink node={one} from={crossing(one, node) ? node : null} /></li>)}</ul> : <p class="quiet">Nothing in this project.</p>}
            </div>
            <div>
              <h3>Is read by <small>{children.length}</small></h3>
              {children.length ? <ul class="plainlist">{children.map((one) => <li key={one.id}><NodeLink node={one} from={crossing(node, one) ? node : null} /></li>)}</ul> : <p class="quiet">Nothing in this project.</p>}
            </div>
          </div>
          {about.bridges && (
            <ul class="bridges">
              {about.bridges.map(([place, from, to, relation]) => (
                <li key={place}><Icon name="bridge" /> <a href={link(nodes[place])}>{nodes[place].name}</a> is copied from <b>{from}</b> to <b>{to}</b> as <code>{relation}</code></li>
              ))}
            </ul>
          )}
        </section>
      )}
      {about.executions && <History about={about} kind={node.kind} />}
    </>
  );
}

function Facts({ node, about }) {
  const owner = about.meta?.owner ?? node.group?.owner?.name ?? node.group?.owner?.email ?? about.contact?.name;
  const facts = [
    ["Relation", about.relation && <code>{about.relation}</code>],
    ["Held as", about.held_as?.toLowerCase()],
    ["Owner", owner && shown(owner)],
    ["Contact", about.contact?.email && <a href={`mailto:${about.contact.email}`}>{about.contact.email}</a>],
    ["Link", /^https?:/.test(about.url ?? "") && <a href={about.url} target="_blank" rel="noopener noreferrer">{about.url}</a>],
    ["Type", about.type],
    ["Maturity", about.maturity],
    ["Loader", about.loader],
    ["Reads files", about.external && <code>{about.external}</code>],
    ["File", node.path && <code>{node.path}</code>],
    ["Described in", about.patch && about.patch !== node.path && <code>{about.patch}</code>],
    ["Last run", node.status && about.executions && <><Status status={node.status} /> {ago(about.executions.at(-1)[0])}</>],
    ["Macros", about.macros && about.macros.map((name) => <code key={name}>{name}</code>)],
    ...(about.stats ?? []).map(([label, one]) => [label, typeof one === "number" ? number(one) : shown(one)]),
    ...Object.entries(about.meta ?? {}).filter(([key]) => key !== "owner").map(([key, one]) => [key, shown(one)]),
  ].filter(([, one]) => one);
  const config = Object.entries(about.config ?? {}).filter(([key]) => !["materialized", "engine"].includes(key));
  return (
    <>
      <dl class="facts">{facts.map(([name, one]) => <div key={name}><dt>{name}</dt><dd>{one}</dd></div>)}</dl>
      {config.length > 0 && (
        <details class="config">
          <summary>Configuration <small>{config.length}</small></summary>
          <dl class="facts">{config.map(([key, one]) => <div key={key}><dt>{key}</dt><dd><code>{shown(one)}</code></dd></div>)}</dl>
        </details>
      )}
    </>
  );
}

function Columns({ columns, tests, about }) {
  const [filter, setFilter] = useState("");
  const text = filter.toLowerCase();
  const found = columns.filter((column) => !text || column.name.toLowerCase().includes(text) || (column.description ?? "").toLowerCase().includes(text));
  const keys = new Set(tests.filter((test) => test.kind === "unique" && test.column).map((test) => test.column.toLowerCase()));
  const made = new Map();
  for (const [column, place, from, kind] of about.lineage ?? []) {
    if (!made.has(column)) made.set(column, []);
    made.get(column).push({ node: nodes[place], from, kind });
  }
  return (
    <section id="columns">
      <h2>Columns <small>{columns.length}</small>
        {columns.length > 12 && <input type="search" placeholder="Filter columns" aria-label="Filter columns" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />}
      </h2>
      <div class="scroll">
        <table class="columns-table">
          <thead><tr><th scope="col">Column</th><th scope="col">Type</th><th scope="col">Description</th><th scope="col">Tests</th></tr></thead>
          <tbody>
            {found.map((column) => {
              const own = tests.filter((test) => test.column?.toLowerCase() === column.name.toLowerCase());
              const told = originOf(column.inherited_from?.description);
              const tagged = originOf(column.inherited_from?.meta?.pii)?.name;
              return (
                <tr key={column.name}>
                  <th scope="row">
                    <code>{column.name}</code>
                    {keys.has(column.name.toLowerCase()) && <span class="flag" title="Its values are unique">key</span>}
                    {column.pii && <span class="flag pii" title={`Personal data: masked in failing rows${tagged ? `. So tagged in ${tagged}` : ""}`}>pii</span>}
                    {column.missing && <span class="flag bad" title="Described, but the relation has no such column">missing</span>}
                  </th>
                  <td class="type">{column.type?.toLowerCase()}</td>
                  <td>
                    {column.description ? <Markdown text={column.description} /> : <span class="quiet" aria-label="no description">–</span>}
                    {told && <p class="madeof">described in <a href={told.link}>{told.name}</a></p>}
                    {made.has(column.name) && (
                      <p class="madeof">from {made.get(column.name).map(({ node, from, kind }) => <a key={node.id + from} href={link(node)} class={`edge ${kind}`} title={kind}>{node.name}.{from}</a>)}</p>
                    )}
                  </td>
                  <td class="tests">{own.map((test) => <a key={test.id} href="#tests" class={`chip ${test.checks?.at(-1)?.[1] ?? "none"}`} onClick={(event) => { event.preventDefault(); open(test.id); }}>{test.kind}</a>)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The column that another one has its text or a tag from. */
function originOf(origin) {
  const node = origin && find(origin.unique_id);
  return node ? { name: `${node.name}.${origin.column}`, link: link(node) } : null;
}

function open(id) {
  const element = document.getElementById(`test-${id}`);
  if (!element) return;
  element.open = true;
  element.scrollIntoView({ behavior: "smooth", block: "center" });
}

function CodeSection({ node, about }) {
  const [compiled, setCompiled] = useState(false);
  const tabs = [["Source", false], ["Compiled", true]];
  const engine = node.engine?.type === "duckdb" ? "DuckDB" : "PostgreSQL";
  return (
    <section id="code">
      <h2>
        Code
        {about.compiled && (
          <span class="switch" role="tablist" aria-label="Source or compiled">
            {tabs.map(([title, which]) => <button key={title} role="tab" aria-selected={compiled === which} onClick={() => setCompiled(which)}>{title}{which && ` for ${engine}`}</button>)}
          </span>
        )}
      </h2>
      <Code code={compiled ? about.compiled : about.code} language={about.language} label={compiled ? "Compiled code" : "Source code"} />
    </section>
  );
}

const RANK = { fail: 0, error: 0, warn: 1, skipped: 2, pass: 3, success: 3 };

function Tests({ tests, singular }) {
  const last = (test) => test.checks?.at(-1)?.[1];
  const sorted = [...tests].sort((a, b) => (RANK[last(a)] ?? 2) - (RANK[last(b)] ?? 2));
  return (
    <section id="tests">
      <h2>Tests <small>{tests.length + singular.length}</small></h2>
      <div class="testlist">
        {sorted.map((test) => <Test key={test.id} test={test} />)}
        {singular.map((node) => <p key={node.id} class="single"><NodeLink node={node} /> <Status status={node.status} quiet /></p>)}
      </div>
    </section>
  );
}

function Test({ test }) {
  const checks = test.checks ?? [];
  const last = checks.at(-1);
  const bad = last && ["fail", "error", "warn"].includes(last[1]);
  return (
    <details id={`test-${test.id}`} open={bad && Boolean(test.failing)}>
      <summary>
        <Status status={last?.[1]} />
        <span class="testname"><b>{test.kind}</b>{test.column && <> of <code>{test.column}</code></>}{test.kind === "singular" || test.kind === "unit" ? <> {test.name}</> : null}</span>
        {checks.length > 1 && <Bars executions={checks} of="count" label={`Failing rows of the last ${checks.length} checks`} />}
        <span class="quiet">{last?.[3] ? `${number(last[3])} rows` : ""} {test.severity === "warn" && "warns only"}</span>
      </summary>
      <div class="inside">
        {test.description && <Markdown text={test.description} />}
        {bad && test.message && <p class="message">{test.message}</p>}
        <dl class="facts">
          <div><dt>Name</dt><dd><code>{test.name}</code></dd></div>
          {test.arguments && Object.entries(test.arguments).map(([key, one]) => <div key={key}><dt>{key}</dt><dd><code>{shown(one)}</code></dd></div>)}
          {test.owner && <div><dt>Owner</dt><dd>{test.owner}</dd></div>}
          {last && <div><dt>Last check</dt><dd>{when(last[0])}{last[2] != null && `, ${duration(last[2])}`}</dd></div>}
        </dl>
        {test.failing && <Failing failing={test.failing} />}
        {test.unit && <Unit unit={test.unit} />}
        {test.code && <details><summary>Compiled SQL</summary><Code code={test.code} label="SQL of the test" /></details>}
      </div>
    </details>
  );
}

function Unit({ unit }) {
  const table = (rows) => {
    if (!Array.isArray(rows)) return <pre tabIndex={0}>{String(rows)}</pre>;
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    return (
      <div class="scroll"><table class="rows">
        <thead><tr>{names.map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
        <tbody>{rows.map((row, at) => <tr key={at}>{names.map((name) => <td key={name}>{shown(row[name])}</td>)}</tr>)}</tbody>
      </table></div>
    );
  };
  return (
    <>
      {unit.given.map(([input, rows]) => <div key={input}><h4>Given <code>{input}</code></h4>{table(rows)}</div>)}
      <h4>Expected</h4>{table(unit.expect)}
    </>
  );
}

function History({ about, kind }) {
  const executions = about.executions;
  const last = executions.at(-1);
  const points = executions.map(([at, status, ms, count]) => ({
    y: ms ?? 0, status, label: when(at), title: `${when(at)}: ${status}, ${duration(ms)}${count == null ? "" : `, ${plural(count, "row")}`}`,
  }));
  const times = executions.map(([, , ms]) => ms).filter((ms) => ms != null).sort((a, b) => a - b);
  return (
    <section id="history">
      <h2>Runs <small>{executions.length}</small></h2>
      <p class="quiet">
        The last one {ago(last[0])}: <Status status={last[1]} />{last[2] != null && <> in {duration(last[2])}</>}{last[3] != null && kind !== "test" && <>, {plural(last[3], "row")}</>}.
        {times.length > 1 && <> Median {duration(times[Math.floor(times.length / 2)])}.</>}
        {about.message && !["success", "pass"].includes(last[1]) && <> {about.message}</>}
      </p>
      <Line points={points} label={`How long the last ${points.length} runs took`} format={duration} />
    </section>
  );
}
