// What there is, how it is, and where to begin.
import { Health, Icon, Markdown, NodeLink, Status } from "../parts.jsx";
import { detail, health, nodes, part, site } from "../data.js";
import { ago, duration, kindName, number, plural } from "../format.js";
import { usePromise } from "../hooks.js";
import { address } from "../router.js";

const KINDS = ["model", "source", "seed", "snapshot", "exposure", "metric"];

export function Home() {
  const counts = new Map();
  for (const node of nodes) counts.set(node.kind, (counts.get(node.kind) ?? 0) + 1);
  const tests = nodes.reduce((sum, node) => sum.map((one, at) => one + (node.tests?.[at] ?? 0)), [0, 0, 0, 0]);
  const bad = nodes.filter((node) => ["fail", "warn"].includes(health(node)));
  bad.sort((a, b) => b.tests[2] - a.tests[2] || b.tests[1] - a.tests[1]);
  const groups = site.groups.map((group) => ({ group, own: nodes.filter((node) => node.group === group && node.kind !== "test") }));
  const exposures = nodes.filter((node) => node.kind === "exposure");
  return (
    <div class="home">
      <section class="lead">
        <h1>{site.project}</h1>
        <p class="facts">
          {KINDS.filter((kind) => counts.get(kind)).map((kind) => (
            <a key={kind} href={address("browse", { kind })}><b>{number(counts.get(kind))}</b> {kindName(kind)}{counts.get(kind) === 1 ? "" : "s"}</a>
          ))}
          {tests[3] > 0 && <span><b>{number(tests[3])}</b> tests</span>}
        </p>
        <p class="engines">
          {site.engines.map((engine) => {
            const own = nodes.filter((node) => node.engine === engine && node.kind !== "test").length;
            return <a key={engine.name} class={`engine engine-${engine.type}`} href={address("graph", { select: `engine:${engine.name}` })}>{engine.name}<small>{number(own)} relations on {engine.type === "duckdb" ? "DuckDB" : "PostgreSQL"}</small></a>;
          })}
        </p>
      </section>
      {tests[3] > 0 && <TestBar tests={tests} />}
      <div class="columns">
        <div>
          {site.overview && <section class="card"><Markdown text={site.overview} /></section>}
          {groups.length > 0 && (
            <section>
              <h2>Contexts</h2>
              <ul class="cards">
                {groups.map(({ group, own }) => <Group key={group.name} group={group} own={own} />)}
              </ul>
            </section>
          )}
          {exposures.length > 0 && (
            <section>
              <h2>What it is for</h2>
              <ul class="plainlist">{exposures.map((node) => <Exposure key={node.id} node={node} />)}</ul>
            </section>
          )}
          {!groups.length && !exposures.length && <section><h2>Models</h2><ul class="plainlist">{nodes.filter((n) => n.kind === "model").slice(0, 40).map((node) => <li key={node.id}><NodeLink node={node} /></li>)}</ul><p><a href="#/browse">All of them</a></p></section>}
        </div>
        <aside>
          {site.runs > 0 && <LastRun />}
          {bad.length > 0 && (
            <section>
              <h2>Needs a look</h2>
              <ul class="plainlist">
                {bad.slice(0, 10).map((node) => <li key={node.id}><NodeLink node={node} /></li>)}
              </ul>
              {bad.length > 10 && <p><a href={address("browse", { state: "bad" })}>All {bad.length}</a></p>}
            </section>
          )}
        </aside>
      </div>
    </div>
  );
}

function TestBar({ tests: [passed, warned, failed, all] }) {
  const rest = all - passed - warned - failed;
  const parts = [["pass", passed, "passed"], ["warn", warned, "with warnings"], ["fail", failed, "failed"], ["none", rest, "not run"]].filter(([, count]) => count);
  return (
    <section class="testbar" aria-label="Tests">
      <div class="bar" aria-hidden="true">{parts.map(([state, count]) => <i key={state} class={state} style={{ flexGrow: count }} />)}</div>
      <ul>{parts.map(([state, count, word]) => <li key={state}><span class={`dot ${state}`} aria-hidden="true" /><b>{number(count)}</b> {word}</li>)}</ul>
    </section>
  );
}

function Group({ group, own }) {
  const owner = group.owner?.name ?? group.owner?.email;
  const bad = own.filter((node) => ["fail", "warn"].includes(health(node))).length;
  return (
    <li class="card link">
      <h3><a href={address("browse", { group: group.name })}>{group.name}</a></h3>
      {group.description && <p>{group.description}</p>}
      <p class="quiet">{plural(own.length, "node")}{owner && <> · {owner}</>}{bad > 0 && <> · <span class="dot warn" aria-hidden="true" /> {bad} to look at</>}</p>
      <a class="corner" href={address("graph", { select: `group:${group.name}` })} aria-label={`Lineage of ${group.name}`}><Icon name="graph" /></a>
    </li>
  );
}

function Exposure({ node }) {
  const { value } = usePromise(() => detail(node), [node]);
  return (
    <li>
      <NodeLink node={node} />
      <span class="quiet"> {value?.type}{value?.contact?.name && ` · ${value.contact.name}`}</span>
    </li>
  );
}

function LastRun() {
  const { value } = usePromise(() => part("runs"), []);
  if (!value) return null;
  const [run] = value;
  return (
    <section class="card">
      <h2>Last run</h2>
      <p><Status status={run.status} /> <b>{run.command}</b> {ago(run.at)}{run.ms != null && <> in {duration(run.ms)}</>}</p>
      <p class="quiet">{number(run.passed)} passed, {number(run.warned)} warned, {number(run.failed)} failed{run.skipped ? `, ${run.skipped} skipped` : ""}</p>
      <p><a href={`#/runs/${run.id}`}>See what each thread did</a></p>
    </section>
  );
}
