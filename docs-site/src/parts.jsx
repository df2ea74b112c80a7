// Small pieces that many pages show.
import { useState } from "preact/hooks";
import { highlight } from "./code.js";
import { crossing, health, link } from "./data.js";
import { duration, kindName, number, when } from "./format.js";
import { toHtml } from "./markdown.js";

const PATHS = {
  search: "M11 19a8 8 0 1 1 0-16 8 8 0 0 1 0 16Zm6-2 4 4",
  moon: "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5Z",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm0-14v2m0 16v2M2 12h2m16 0h2M5 5l1.5 1.5m11 11L19 19M5 19l1.5-1.5m11-11L19 5",
  copy: "M9 9h10v11H9zM5 15V4h10",
  check: "m5 12 5 5 9-10",
  chevron: "m9 6 6 6-6 6",
  graph: "M4 6h5v4H4zM4 15h5v4H4zM15 10.5h5v4h-5zM9 8h2.5c2 0 1.5 4.5 3.5 4.5M9 17h2.5c2 0 1.5-4.5 3.5-4.5",
  bridge: "M3 17h18M5 17v-6m14 6v-6M3 9c4 0 5 4 9 4s5-4 9-4",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5m6 0h5v5m0 6v5h-5m-6 0H4v-5",
  share: "M10 14 20 4m-6 0h6v6M18 14v5H5V6h5",
  close: "M6 6l12 12M18 6 6 18",
};

export function Icon({ name }) {
  if (name === "mark") {
    return (
      <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" />
        <path d="M9 24V9h8a5 5 0 0 1 0 10h-4" />
      </svg>
    );
  }
  return <svg class="i" viewBox="0 0 24 24" aria-hidden="true"><path d={PATHS[name]} /></svg>;
}

const LETTERS = { model: "M", source: "So", seed: "Se", snapshot: "Sn", exposure: "Ex", test: "T", analysis: "An", metric: "Me", function: "Fn" };

/** A small sign of what a node is, in the colour of its engine. */
export function Kind({ node }) {
  const engine = node.engine?.type ?? "none";
  return (
    <span class={`kind engine-${engine}`} title={`${kindName(node.kind)}${node.engine ? ` on ${node.engine.name}` : ""}`}>
      <span aria-hidden="true">{LETTERS[node.kind] ?? node.kind.slice(0, 2)}</span>
      <span class="reader">{kindName(node.kind)}</span>
    </span>
  );
}

export function NodeLink({ node, from }) {
  const moves = from ? crossing(node, from) ?? crossing(from, node) : null;
  return (
    <a class="nodelink" href={link(node)}>
      <Kind node={node} />
      <span>{node.name}</span>
      {moves && <span class="moves" title={moves === "bridge" ? "Copied from DuckDB to PostgreSQL" : "Read in place by DuckDB"}><Icon name="bridge" />{moves}</span>}
      <Health node={node} />
    </a>
  );
}

export function Engine({ engine }) {
  if (!engine) return null;
  const type = engine.type === "duckdb" ? "DuckDB" : engine.type === "postgres" ? "PostgreSQL" : engine.type;
  return <span class={`engine engine-${engine.type}`}>{engine.name}{engine.name.toLowerCase() !== type.toLowerCase() && <small>{type}</small>}</span>;
}

const WORDS = { pass: "passed", success: "done", warn: "warning", fail: "failed", error: "error", skipped: "skipped", running: "running", interrupted: "interrupted", cancelled: "cancelled" };

export function Status({ status, quiet }) {
  if (!status) return quiet ? null : <span class="status none">not run</span>;
  return <span class={`status ${status.replace(/\W/g, "-")}`}>{WORDS[status] ?? status}</span>;
}

export function Health({ node }) {
  const state = health(node);
  if (!state) return null;
  const [passed, warned, failed, all] = node.tests;
  const text = state === "pass" ? `${passed} of ${all} tests passed` : `${failed} tests failed, ${warned} warned, of ${all}`;
  return <span class={`dot ${state}`} title={text} role="img" aria-label={text} />;
}

export const Markdown = ({ text }) => <div class="md" dangerouslySetInnerHTML={{ __html: toHtml(text) }} />;

export function Code({ code, language, label }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try { await navigator.clipboard.writeText(code); } catch { return; }
    setCopied(true);
    setTimeout(() => setCopied(false), 1200);
  };
  return (
    <div class="code">
      <button class="icon" onClick={copy} aria-label="Copy" title="Copy"><Icon name={copied ? "check" : "copy"} /></button>
      <pre tabIndex={0} aria-label={label}><code dangerouslySetInnerHTML={{ __html: highlight(code, language) }} /></pre>
    </div>
  );
}

/** A bar for each of the last executions: as tall as it took long, coloured by how it ended. */
export function Bars({ executions, of = "duration", label }) {
  const values = executions.map(([, , ms, count]) => (of === "duration" ? ms : count) ?? 0);
  const most = Math.max(1, ...values);
  return (
    <span class="bars" role="img" aria-label={label ?? `${executions.length} executions, the last one ${WORDS[executions.at(-1)?.[1]] ?? "unknown"}`}>
      {executions.map(([at, status, ms, count], place) => (
        <i
          key={place}
          class={status}
          style={{ height: `${Math.max(12, (100 * values[place]) / most)}%` }}
          title={`${when(at)}: ${WORDS[status] ?? status}${ms == null ? "" : `, ${duration(ms)}`}${count == null ? "" : `, ${number(count)} rows`}`}
        />
      ))}
    </span>
  );
}

/** A line over time. values: [{x, y, title}]. */
export function Line({ points, low = 0, high, height = 120, label, format = (y) => y }) {
  if (points.length < 2) return null;
  const width = 640;
  const top = high ?? Math.max(...points.map((point) => point.y)) * 1.1;
  const span = top - low || 1;
  const x = (at) => 4 + (at * (width - 8)) / (points.length - 1);
  const y = (value) => 6 + (1 - (value - low) / span) * (height - 12);
  const path = points.map((point, at) => `${at ? "L" : "M"}${x(at).toFixed(1)} ${y(point.y).toFixed(1)}`).join("");
  return (
    <figure class="line">
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {[0, 0.5, 1].map((part) => <line key={part} class="grid" x1="0" x2={width} y1={6 + part * (height - 12)} y2={6 + part * (height - 12)} />)}
        <path class="area" d={`${path}L${x(points.length - 1)} ${height}L${x(0)} ${height}Z`} />
        <path class="stroke" d={path} vector-effect="non-scaling-stroke" />
      </svg>
      <div class="points" aria-hidden="true">
        {points.map((point, at) => (
          <i key={at} class={point.status} style={{ left: `${(100 * x(at)) / width}%`, top: `${(100 * y(point.y)) / height}%` }} title={point.title} />
        ))}
      </div>
      <figcaption><span>{points[0].label}</span><span class="high">{format(top)}</span><span>{points.at(-1).label}</span></figcaption>
    </figure>
  );
}

export function Failing({ failing }) {
  const { columns, keys, rows, failures, changes } = failing;
  return (
    <div class="failing">
      <p>
        {number(failures)} failing rows{rows.length < failures ? `, ${rows.length} of them shown` : ""}
        {changes && <> · {number(changes[0])} new, {number(changes[1])} recurring{changes[2] == null ? "" : `, ${number(changes[2])} resolved`}</>}
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Failing rows">
        <table class="rows">
          <thead><tr>{rows.some(([change]) => change) && <th scope="col"><span class="reader">change</span></th>}{columns.map((name, at) => <th key={name} scope="col" class={at < keys ? "key" : ""}>{name}</th>)}</tr></thead>
          <tbody>
            {rows.map(([change, values], at) => (
              <tr key={at} class={change}>
                {rows.some(([one]) => one) && <td>{change && <span class={`change ${change}`}>{change}</span>}</td>}
                {values.map((one, place) => <td key={place} class={one == null ? "null" : typeof one}>{one == null ? "null" : typeof one === "object" ? JSON.stringify(one) : String(one)}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

export const Loading = ({ state }) => (state.error ? <p class="error" role="alert">{state.error.message}</p> : <p class="loading" aria-busy="true">Reading…</p>);
