// How good the data is, by context and owner.
import { find, link, part, site } from "../data.js";
import { duration, number } from "../format.js";
import { usePromise } from "../hooks.js";
import { Line, Loading, Status } from "../parts.jsx";
import { address } from "../router.js";

const score = (one) => (one == null ? "–" : one.toFixed(1));
const level = (one) => (one == null ? "none" : one >= 99 ? "pass" : one >= 90 ? "warn" : "fail");

function Trend({ now, before }) {
  if (now == null || before == null) return null;
  const change = now - before;
  if (Math.abs(change) < 0.05) return <span class="trend" title="As in the week before">=</span>;
  return <span class={`trend ${change > 0 ? "up" : "down"}`} title={`${score(before)} in the week before`}>{change > 0 ? "▲" : "▼"} {Math.abs(change).toFixed(1)}</span>;
}

export function Quality() {
  const state = usePromise(() => part("quality"), []);
  if (!site.quality) return <p class="empty">No checks are known: the results store has none of this target, or there is no store.</p>;
  if (!state.value) return <Loading state={state} />;
  const { card, days } = state.value;
  const byDay = new Map();
  for (const { day, points, weight } of days) {
    const sum = byDay.get(day) ?? [0, 0];
    byDay.set(day, [sum[0] + points, sum[1] + weight]);
  }
  const line = [...byDay].map(([day, [points, weight]]) => ({ y: (100 * points) / weight, label: day, title: `${day}: ${score((100 * points) / weight)}`, status: level((100 * points) / weight) }));
  const low = Math.max(0, Math.floor(Math.min(...line.map((point) => point.y)) - 2));
  return (
    <>
      <h1>Data quality</h1>
      <div class="scorehead">
        <div class={`score big ${level(card.score)}`}>
          <b>{score(card.score)}</b>
          <span>of 100 in the last 7 days <Trend now={card.score} before={card.score_before} /></span>
        </div>
        <div class="over">
          {line.length > 1 ? <Line points={line} low={low} high={100} label="Score of each day" format={score} /> : <p class="quiet">One day of checks so far: a line needs two.</p>}
        </div>
      </div>
      <section>
        <h2>Contexts and owners</h2>
        <div class="scroll">
          <table class="data">
            <thead><tr><th scope="col">Context</th><th scope="col" class="wide-only">Owner</th><th scope="col" class="num">Score</th><th scope="col">Trend</th><th scope="col">Tests</th><th scope="col" class="num">New</th><th scope="col" class="num">Recurring</th><th scope="col" class="num">Resolved</th></tr></thead>
            <tbody>
              {card.contexts.map((one) => (
                <tr key={`${one.context} ${one.owner}`}>
                  <th scope="row">{one.context ? <a href={address("browse", { group: one.context })}>{one.context}</a> : <span class="quiet">no context</span>}<small class="quiet narrow-only">{one.owner}</small></th>
                  <td class="wide-only">{one.owner ?? <span class="quiet">–</span>}</td>
                  <td class="num"><span class={`score ${level(one.score)}`}>{score(one.score)}</span></td>
                  <td><Trend now={one.score} before={one.score_before} /></td>
                  <td class="share" title={`${one.passed} passed, ${one.warned} warned, ${one.failed} failed`}>
                    <span class="bar" aria-hidden="true"><i class="pass" style={{ flexGrow: one.passed }} /><i class="warn" style={{ flexGrow: one.warned }} /><i class="fail" style={{ flexGrow: one.failed }} /></span>
                    <span>{number(one.passed)}/{number(one.tests)}</span>
                  </td>
                  <td class="num">{number(one.new)}</td><td class="num">{number(one.recurring)}</td><td class="num">{number(one.resolved)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <p class="quiet">A test that passes counts whole, a warning half; tests of severity error weigh twice. New, recurring and resolved are failing rows.</p>
      </section>
      <Tests title="Worst tests" tests={card.worst} head={["Status", "Rows", "Did not pass"]} cells={(one) => [<Status status={one.status} />, number(one.failures), `${one.bad} of ${one.checks} checks`]} />
      <Tests title="Flaky tests" tests={card.flaky} head={["Flips"]} cells={(one) => [`${one.flips} in ${one.checks} checks`]} />
      <Tests title="Slow tests" tests={card.slow} head={["Last", "Median"]} cells={(one) => [duration(one.duration_ms), duration(one.median_ms)]} />
    </>
  );
}

function Tests({ title, tests, head, cells }) {
  if (!tests.length) return null;
  return (
    <section>
      <h2>{title}</h2>
      <div class="scroll">
        <table class="data">
          <thead><tr><th scope="col">Test</th><th scope="col" class="wide-only">Context</th>{head.map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
          <tbody>
            {tests.map((one) => {
              const node = find(one.unique_id) ?? (one.node_name && find(one.node_name));
              return (
                <tr key={one.unique_id}>
                  <th scope="row">{node ? <a href={link(node)}>{one.name}</a> : one.name}<small class="quiet narrow-only">{one.context}</small></th>
                  <td class="wide-only">{one.context}</td>
                  {cells(one).map((cell, at) => <td key={at}>{cell}</td>)}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}
