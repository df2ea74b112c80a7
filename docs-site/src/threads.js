// Which thread did what in a run, and how busy the threads were.

/**
 * Puts the tasks of a run on threads. A bridge is a step like any other, but it is not kept which thread took it: it
 * is put on one that had nothing else to do at that time; where there is none, on a line of its own.
 *
 * tasks: [{start, ms, thread}], thread null of bridges.
 * Gives {lanes: [[name, tasks]], begin, span, workers, busy}: `busy` is the share of the workers' time with work.
 */
export function threadsOf(tasks) {
  const begin = tasks.reduce((low, task) => Math.min(low, task.start), Infinity);
  const end = tasks.reduce((high, task) => Math.max(high, task.start + task.ms), -Infinity);
  const span = Math.max(1, end - begin);
  const lanes = new Map();
  const put = (name, task) => {
    if (!lanes.has(name)) lanes.set(name, []);
    lanes.get(name).push(task);
  };
  for (const task of tasks) if (task.thread != null) put(task.thread, task);
  const numbered = [...lanes.keys()].sort((a, b) => a - b);
  const isFree = (name, task) => lanes.get(name).every((other) => other.start >= task.start + task.ms || task.start >= other.start + other.ms);
  for (const task of tasks.filter((task) => task.thread == null).sort((a, b) => a.start - b.start)) {
    put(numbered.find((name) => isFree(name, task)) ?? "bridge", task);
  }
  const work = [...lanes.values()].reduce((sum, lane) => sum + covered(lane), 0);
  const names = [...numbered, ...(lanes.has("bridge") ? ["bridge"] : [])];
  return { lanes: names.map((name) => [name, lanes.get(name)]), begin, span, workers: numbered.length, busy: Math.min(1, work / (span * names.length || 1)) };
}

/** How long at least one of the tasks was under way. */
function covered(tasks) {
  let [sum, until] = [0, -Infinity];
  for (const { start, ms } of [...tasks].sort((a, b) => a.start - b.start)) {
    sum += Math.max(0, start + ms - Math.max(start, until));
    until = Math.max(until, start + ms);
  }
  return sum;
}
