// Earlier runs, and what each thread did in one of them.
import { useMemo, useState } from "preact/hooks";
import { link, nodes, part, site } from "../data.js";
import { ago, duration, kindName, number, plural, when } from "../format.js";
import { usePromise } from "../hooks.js";
import { Loading, Status } from "../parts.jsx";
import { threadsOf } from "../threads.js";

export function Runs({ id }) {
  const state = usePromise(() => (site.runs ? part("runs") : Promise.resolve([])), []);
  if (!state.value) return <Loading state={state} />;
  const runs = state.value;
  const run = id ? runs.find((one) => one.id === id) : runs[0];
  return (
    <>
      <h1>Runs</h1>
      {!runs.length && <p class="empty">No run is known. Runs are read from the results store; without one, the last run is read from the target folder, until that is cleaned.</p>}
      {id && !run && <p class="empty">This run is not among the last {runs.length}.</p>}
      {run && <Run key={run.id} run={run} />}
      {runs.length > 1 && (
        <section>
          <h2>Last runs <small>{runs.length}</small></h2>
          <div class="scroll">
            <table class="data">
              <thead><tr><th scope="col">Started</th><th scope="col">Command</th><th scope="col">Status</th><th scope="col" class="num">Took</th><th scope="col" class="num">Passed</th><th scope="col" class="num">Warned</th><th scope="col" class="num">Failed</th><th scope="col">By</th></tr></thead>
              <tbody>
                {runs.map((one) => (
                  <tr key={one.id} aria-current={one === run ? "true" : undefined}>
                    <th scope="row"><a href={`#/runs/${one.id}`} title={when(one.at)}>{ago(one.at)}</a></th>
                    <td>{one.command} <small class="quiet">{one.selection}</small></td>
                    <td><Status status={one.status} /></td>
                    <td class="num">{duration(one.ms)}</td>
                    <td class="num">{number(one.passed)}</td><td class="num">{number(one.warned)}</td><td class="num">{number(one.failed)}</td>
                    <td>{one.user}{one.branch && <small class="quiet"> {one.branch}</small>}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
    </>
  );
}

function Run({ run }) {
  const state = usePromise(() => (run.chart ? part(`run-${run.id}`) : Promise.resolve(null)), [run.id]);
  return (
    <section class="run">
      <p>
        <Status status={run.status} /> <b>{run.command}</b> {run.selection} · {when(run.at)} · {duration(run.ms)}
        {run.user && <> · {run.user}{run.host && `@${run.host}`}</>}{run.commit && <> · <code>{run.commit.slice(0, 8)}</code></>}
      </p>
      {run.message && <p class="message">{run.message}</p>}
      {!run.chart ? <p class="quiet">What each thread did is kept of the last runs only.</p> : !state.value ? <Loading state={state} /> : <Gantt tasks={state.value.tasks} />}
    </section>
  );
}

const ROW = 26;

function Gantt({ tasks }) {
  const [kind, setKind] = useState("");
  const [picked, setPicked] = useState(null);
  const { all, lanes, begin, span, workers, busy } = useMemo(() => {
    const all = tasks.map(([place, kind, name, status, start, ms, thread, engine, count, message], at) => ({ at, node: nodes[place], kind, name, status, start, ms: ms ?? 0, thread: thread ?? (kind === "bridge" ? null : 0), engine, count, message }));
    return { all, ...threadsOf(all) };
  }, [tasks]);
  const kinds = [...new Set(all.map((task) => task.kind))];
  const left = (task) => (100 * (task.start - begin)) / span;
  const slowest = [...all].sort((a, b) => b.ms - a.ms).slice(0, 12);
  const engineOf = (name) => site.engines.find((engine) => engine.name === name)?.type ?? "none";
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return (
    <>
      <div class="legend">
        {site.engines.map((engine) => <span key={engine.name}><i class={`swatch engine-${engine.type}`} />{engine.name}</span>)}
        {kinds.includes("bridge") && <span><i class="swatch bridge" />bridge</span>}
        {all.some((task) => task.status === "warn") && <span><i class="swatch warned" />warning</span>}
        <span><i class="swatch bad" />failed or skipped</span>
        <label>Kinds <select value={kind} onChange={(event) => setKind(event.currentTarget.value)}><option value="">all</option>{kinds.map((one) => <option key={one} value={one}>{kindName(one)}</option>)}</select></label>
        <span class="quiet">{plural(workers, "thread")}, busy {Math.round(100 * busy)} % of the time</span>
      </div>
      <div class="gantt" role="img" aria-label={`${all.length} tasks on ${workers} threads in ${duration(span)}`}>
        <div class="axis" aria-hidden="true">{ticks.map((part) => <span key={part} style={{ left: `${100 * part}%` }}>{duration(span * part)}</span>)}</div>
        {lanes.map(([thread, own]) => (
          <div class="lane" key={thread} style={{ height: `${ROW}px` }}>
            <span class="who">{thread || "main"}</span>
            <div class="track">
              {own.filter((task) => !kind || task.kind === kind).map((task) => (
                <i
                  key={task.at}
                  class={`engine-${engineOf(task.engine)} ${task.kind} ${task.status === "warn" ? "warn" : ["success", "pass", "no-op"].includes(task.status) ? "" : "bad"}${picked === task ? " picked" : ""}`}
                  style={{ left: `${left(task)}%`, width: `max(2px, ${(100 * task.ms) / span}%)` }}
                  title={`${task.name}: ${duration(task.ms)}`}
                  onClick={() => setPicked(task)}
                />
              ))}
            </div>
          </div>
        ))}
      </div>
      {picked && (
        <p class="picked" aria-live="polite">
          <Status status={picked.status} /> {picked.node ? <a href={link(picked.node)}>{picked.name}</a> : <b>{picked.name}</b>} · {kindName(picked.kind)} · {duration(picked.ms)} from {duration(picked.start - begin)}{picked.count != null && ` · ${number(picked.count)} rows`}{picked.message && ` · ${picked.message}`}
        </p>
      )}
      <h2>Slowest</h2>
      <ol class="slowest">
        {slowest.map((task) => (
          <li key={task.at}>
            <span>{task.node ? <a href={link(task.node)}>{task.name}</a> : task.name}{task.kind === "bridge" && <small class="quiet"> over the bridge</small>}</span>
            <span class="meter" aria-hidden="true"><i class={task.kind === "bridge" ? "bridge" : `engine-${engineOf(task.engine)}`} style={{ width: `${(100 * task.ms) / slowest[0].ms}%` }} /></span>
            <span class="num">{duration(task.ms)}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
