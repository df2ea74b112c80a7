// How long the lineage of a site takes to appear, and the frames of a drag; prints figures, asserts nothing.
//
// usage: CHROMIUM=/usr/bin/chromium npm run measure -- INDEX_HTML [TIMES]
//
// All times of a page count from the start of its navigation. `empty page` is a page without anything in the
// same kind of new browser: what of the rest is the browser's own.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const site = pathToFileURL(process.argv[2]).href;
const times = Number(process.argv[3] ?? 5);

const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const part = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const ms = (value) => (value == null ? "–" : `${Math.round(value)} ms`);

/** Opens an address; gives {fcp, drawn, shown}: first contentful paint, the layout drawn, and on the screen. */
async function paint(page, url, isGraph) {
  await page.addInitScript(() => {
    new PerformanceObserver((list) => {
      for (const one of list.getEntries()) {
        if (one.name === "pintail-graph-drawn") requestAnimationFrame(() => setTimeout(() => performance.mark("pintail-graph-shown")));
      }
    }).observe({ entryTypes: ["mark"] });
  });
  await page.goto(url);
  const mark = isGraph ? "pintail-graph-shown" : "first-contentful-paint";
  await page.waitForFunction((mark) => performance.getEntriesByName(mark).length > 0, mark, { timeout: 60_000 });
  return page.evaluate(() => {
    const at = (name) => performance.getEntriesByName(name)[0]?.startTime;
    return { fcp: at("first-contentful-paint"), drawn: at("pintail-graph-drawn"), shown: at("pintail-graph-shown") };
  });
}

async function paints(name, url, isGraph) {
  const [fresh, open] = [[], []];
  for (let time = 0; time < times; time++) {
    const browser = await launch();
    for (const list of [fresh, open]) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
      list.push(await paint(await context.newPage(), url, isGraph));
      await context.close();
    }
    await browser.close();
  }
  const row = (list) => ["fcp", "drawn", "shown"].map((key) => ms(list[0][key] == null ? null : median(list.map((one) => one[key])))).join(" | ");
  console.log(`| ${name} | new browser | ${row(fresh)} |`);
  console.log(`| ${name} | open browser | ${row(open)} |`);
}

/** Drags the graph for some seconds; gives the time between frames, and how long the longest task was. */
async function drag(page, label) {
  await page.evaluate(() => {
    window.frames = [];
    window.tasks = [];
    let last = performance.now();
    const tick = (now) => { window.frames.push(now - last); last = now; window.ticking = requestAnimationFrame(tick); };
    window.ticking = requestAnimationFrame(tick);
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((one) => one.duration))).observe({ entryTypes: ["longtask"] });
  });
  const all = { moving: [], ends: [], tasks: [] };
  for (let turn = 0; turn < 4; turn++) {
    await page.mouse.move(640, 480);
    await page.mouse.down();
    await page.evaluate(() => { window.frames = []; });
    for (let step = 1; step <= 60; step++) await page.mouse.move(640 + 220 * Math.sin(step / 9) , 480 + 120 * Math.sin(step / 7));
    all.moving.push(...(await page.evaluate(() => window.frames.splice(0))));
    await page.mouse.up();
    await page.waitForTimeout(1500);
    all.ends.push(...(await page.evaluate(() => window.frames.splice(0))));
  }
  all.tasks = await page.evaluate(() => { cancelAnimationFrame(window.ticking); return window.tasks; });
  const row = (list) => `${ms(part(list, 0.5))} | ${ms(part(list, 0.95))} | ${ms(Math.max(...list))}`;
  console.log(`| ${label}, while dragged | ${row(all.moving)} |`);
  console.log(`| ${label}, after letting go | ${row(all.ends)} |`);
}

const folder = await mkdtemp(join(tmpdir(), "pintail-measure-"));
try {
  const empty = join(folder, "empty.html");
  await writeFile(empty, "<!doctype html><title>empty</title><p>nothing</p>");
  console.log("| page | browser | first contentful paint | nodes drawn | nodes on the screen |\n|---|---|--:|--:|--:|");
  await paints("empty page", pathToFileURL(empty).href, false);
  await paints("overview", `${site}#/`, false);
  await paints("lineage", `${site}#/graph`, true);
  console.log("\n| frames of the lineage | median | 95 % | longest |\n|---|--:|--:|--:|");
  const browser = await launch();
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 860 } })).newPage();
  await paint(page, `${site}#/graph`, true);
  await page.waitForTimeout(3000);
  await drag(page, "all of it");
  await page.getByRole("button", { name: "Show all" }).click();
  for (let step = 0; step < 6; step++) { await page.getByRole("button", { name: "Zoom in" }).click(); await page.waitForTimeout(400); }
  await page.waitForTimeout(2000);
  await drag(page, "zoomed in");
  await browser.close();
} finally {
  await rm(folder, { recursive: true });
}
