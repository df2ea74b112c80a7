// What the chart of a run makes of its tasks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { threadsOf } from "../src/threads.js";

const task = (start, ms, thread = null) => ({ start, ms, thread });

test("a bridge is on a thread that had nothing else to do, and counts once", () => {
  const bridge = task(10, 10);
  const { lanes, workers, busy, span } = threadsOf([task(0, 10, 1), task(0, 20, 2), bridge]);
  assert.deepEqual(lanes.map(([name, tasks]) => [name, tasks.length]), [[1, 2], [2, 1]]);
  assert.ok(lanes[0][1].includes(bridge));
  assert.deepEqual({ workers, busy, span }, { workers: 2, busy: 1, span: 20 });
});

test("bridges at the same time are on different threads", () => {
  const { lanes, busy } = threadsOf([task(0, 5, 1), task(0, 5, 2), task(5, 15), task(6, 10)]);
  assert.deepEqual(lanes.map(([, tasks]) => tasks.length), [2, 2]);
  assert.equal(busy, (20 + 15) / 40);
});

test("a bridge for which no thread is known to be free has a line of its own", () => {
  const { lanes, workers, busy } = threadsOf([task(0, 10, 1), task(2, 4)]);
  assert.deepEqual(lanes.map(([name]) => name), [1, "bridge"]);
  assert.equal(workers, 1);
  assert.equal(busy, 14 / 20);
});
