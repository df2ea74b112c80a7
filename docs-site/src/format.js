// Values as people read them.

// Made when they are first asked for: that takes as long as reading a thousand nodes.
const once = (make) => { let made; return () => (made ??= make()); };
const dates = once(() => new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }));
const spans = once(() => new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }));

export const when = (ms) => dates().format(ms);

/** How long ago, as of `now`. */
export function ago(ms, now = Date.now()) {
  const seconds = (ms - now) / 1000;
  for (const [unit, size] of [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return spans().format(Math.round(seconds / size), unit);
  }
  return "just now";
}

export function duration(ms) {
  if (ms == null) return "";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const minutes = Math.floor(ms / 60_000);
  return `${minutes} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export const number = (value) => (value == null ? "" : value.toLocaleString());

export const plural = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;

export const kindName = (kind) => kind.replace(/_/g, " ");

/** A value of a row: null as such, objects as JSON. */
export function value(one) {
  if (one == null) return "null";
  return typeof one === "object" ? JSON.stringify(one) : String(one);
}
