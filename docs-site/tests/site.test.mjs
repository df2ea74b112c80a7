// The site of the Olist project in a real browser, from file://. `scripts/test-docs` makes the site and
// runs this; PINTAIL_DOCS_SITE names its index.html, CHROMIUM the browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const site = pathToFileURL(process.env.PINTAIL_DOCS_SITE).href;
let browser;
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox"],
  });
});
after(() => browser?.close());

/** A page of the site; `change` may alter the data that come in. Errors and requests to anywhere fail the test. */
async function open(hash, { change, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const troubles = [];
  page.on("pageerror", (error) => { console.error(error.stack); troubles.push(error.message); });
  page.on("request", (request) => { if (!/^(file|data|blob):/.test(request.url())) troubles.push(request.url()); });
  if (change) {
    await page.addInitScript(`
      let real;
      const change = ${change};
      Object.defineProperty(window, "pintail", { set(given) { real = given; }, get: () => (name, data) => { change(name, data); real(name, data); } });
    `);
  }
  await page.goto(`${site}#${hash}`);
  return { page, done: async () => { await context.close(); assert.deepEqual(troubles, []); } };
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const card = (page, name) => page.locator(`[data-node$=".${name}"]`);

test("search finds names, columns, descriptions and SQL, and opens a node", async () => {
  const { page, done } = await open("/");
  await page.getByRole("heading", { name: "olist", exact: true }).waitFor();
  for (const [words, name] of [
    ["fact_order_it", "fact_order_items"],
    ["average_review_score", "dim_customer"],
    ["whatever became of the order", "fact_order_items"],
    ["deliverd dates", "delivered_without_a_date"],
    ["row_number() over", "dim_geography"],
  ]) {
    await page.keyboard.press("/");
    await page.getByRole("combobox", { name: "Search" }).fill(words);
    await page.locator("#hits li", { hasText: name }).first().waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
  }
  await page.keyboard.press("/");
  await page.getByRole("combobox", { name: "Search" }).fill("fact_order_items");
  await page.locator("#hits li").first().waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "fact_order_items" }).waitFor();
  assert.match(page.url(), /#\/node\/model\.olist\.fact_order_items$/);
  await done();
});

test("a node shows its columns, code for its engine, tests and runs", async () => {
  const { page, done } = await open("/node/model.olist.fact_order_items");
  const row = page.locator("#columns tr", { hasText: "order_item_key" });
  await row.getByText("varchar").waitFor();
  await row.getByText("unique", { exact: true }).waitFor();
  assert.match(await page.locator("#code code").textContent(), /ref\('stg_order_items'\)/);
  await page.getByRole("tab", { name: "Compiled for DuckDB" }).click();
  assert.doesNotMatch(await page.locator("#code code").textContent(), /ref\(/);
  assert.ok((await page.locator("#tests details").count()) > 10);
  await page.locator("#history svg").waitFor();
  await page.getByRole("link", { name: /int_product_metrics/ }).click();
  await page.getByRole("heading", { name: "int_product_metrics" }).waitFor();
  await done();
});

test("a test that did not pass shows its failing rows", async () => {
  const { page, done } = await open("/node/test.olist.orders_without_items");
  await page.getByText(/31 failing rows/).waitFor();
  assert.ok((await page.locator(".failing tbody tr").count()) > 5);
  await done();
});

test("a column says whose words and tags it has", async () => {
  const { page, done } = await open("/node/dim_customer", {
    change: (name, data) => {
      if (!name.startsWith("nodes-")) return;
      for (const about of data) {
        const column = about?.columns?.find((one) => one.name === "average_review_score");
        const of = { unique_id: "model.olist.stg_order_reviews", column: "review_score" };
        if (column) Object.assign(column, { pii: true, inherited_from: { description: of, meta: { pii: of } } });
      }
    },
  });
  const row = page.locator("#columns tr", { hasText: "average_review_score" });
  await row.getByRole("link", { name: "stg_order_reviews.review_score" }).first().waitFor();
  assert.match(await row.locator(".flag.pii").getAttribute("title"), /So tagged in stg_order_reviews\.review_score$/);
  await done();
});

test("lineage goes across engines, with columns on a click", async () => {
  const { page, done } = await open("/graph?select=%2Bops_customer_lookup");
  await card(page, "ops_customer_lookup").waitFor();
  await page.locator(".bridge-sign").first().waitFor();
  const dim = card(page, "dim_customer");
  await dim.getByRole("button", { name: "Columns of dim_customer" }).click();
  await dim.getByText("customer_segment").waitFor();
  await dim.getByRole("button", { name: /^model dim_customer/ }).click();
  await page.getByRole("complementary", { name: "About dim_customer" }).getByText(/goes over a bridge/).waitFor();
  await page.getByRole("application").focus();
  await page.keyboard.press("ArrowRight");
  const panel = page.getByRole("complementary");
  await page.waitForURL(/node=model\.olist\.(ops_customer_lookup|mart_customer_rfm)/);
  await page.keyboard.press("ArrowRight");
  await page.waitForURL(/node=.*(ops_customer_lookup|customer_support_desk)/);
  if (!page.url().includes("ops_customer_lookup")) await page.keyboard.press("ArrowLeft");
  await panel.getByText("PostgreSQL", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
  await done();
});

test("a crowded graph is drawn in full from afar and in part from near, and follows the pointer", async () => {
  const count = 2400;
  const change = `(name, data) => {
    if (name !== "index") return;
    let seed = 7;
    const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
    data.chunks = [0];
    data.nodes = Array.from({ length: ${count} }, (_, at) => {
      const parents = at < 200 ? [] : Array.from({ length: 3 }, () => at - 1 - random(at < 400 ? 200 : 400));
      return [null, "model", "model_" + at, 0, at % 9 ? 0 : 1, at % data.groups.length, 0, 0, "models/model_" + at + ".sql", [], [...new Set(parents)], null, null];
    });
  }`;
  const { page, done } = await open("/graph", { change });
  const drawn = () => page.evaluate(() => Object.fromEntries(Object.entries(document.querySelector(".stage canvas").dataset).map(([key, value]) => [key, Number(value)])));
  const until = (test) => page.waitForFunction(`(({ nodes, edges, streams }) => ${test})(document.querySelector(".stage canvas")?.dataset ?? {})`);
  // How many pixels of a strip of the canvas are not empty.
  const painted = (x, width) =>
    page.evaluate(([x, width]) => {
      const canvas = document.querySelector(".stage canvas");
      const { data } = canvas.getContext("2d").getImageData(x, 0, width, canvas.height);
      return data.filter((one, at) => at % 4 === 3 && one > 0).length;
    }, [x, width]);

  // All of it: every node, and streams instead of thousands of edges.
  await until(`nodes == ${count} && streams > 20 && edges == 0`);
  assert.ok((await drawn()).streams <= 1500);
  assert.equal(await page.locator(".node-card").count(), 0);

  // Nearer: a part of it, edge by edge, with cards that can be read.
  const stage = await page.locator(".stage").boundingBox();
  // Over a node near the middle.
  const [x, y] = await page.evaluate(({ x, y, width, height }) => {
    const { data } = document.querySelector(".stage canvas").getContext("2d").getImageData(0, 0, width, height);
    let [best, least] = [null, Infinity];
    for (let at = 0; at < data.length / 4; at++) {
      const [px, py] = [at % Math.floor(width), Math.floor(at / Math.floor(width))];
      const away = Math.hypot(px - width / 2, py - height / 2);
      if (data[4 * at + 3] === 255 && away < least) [best, least] = [[x + px, y + py], away];
    }
    return best;
  }, stage);
  await page.mouse.move(x, y);
  await page.locator(".hovered").waitFor();
  for (let step = 0; step < 40 && !(await page.locator(".node-card").count()); step++) {
    await page.mouse.wheel(0, -120);
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }
  await until("nodes < 400 && edges > 0 && streams == 0");
  const first = page.locator(".node-card").first();
  const name = await first.getAttribute("data-node");
  const before = await first.boundingBox();

  // While it is dragged it is drawn anew: what comes into sight is there before the pointer lets go.
  await page.mouse.down();
  for (let step = 1; step <= 20; step++) await page.mouse.move(x - 15 * step, y + 2 * step);
  const moved = page.locator(`[data-node="${name}"]`);
  await page.waitForFunction(([name, left]) => { const card = document.querySelector(`[data-node="${name}"]`); return !card || Math.abs(card.getBoundingClientRect().left - left) < 2; }, [name, before.x - 300]);
  if (await moved.count()) assert.ok(Math.abs((await moved.boundingBox()).y - before.y - 40) < 2);
  assert.ok((await painted(Math.round(stage.width) - 250, 240)) > 500);
  const dragged = await drawn();
  await page.mouse.up();
  assert.deepEqual(await drawn(), dragged);
  // A drag picks nothing, a click does.
  assert.equal(await page.locator(".panel").count(), 0);
  await page.locator(".node-card .name").first().evaluate((card) => card.click());
  await page.locator(".panel h2", { hasText: /^model_/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Show all" }).click();
  await until(`nodes == ${count} && streams > 20`);
  await done();
});

test("selections filter the graph and say what is wrong with them", async () => {
  const { page, done } = await open("/graph");
  const count = page.locator(".count");
  const input = page.getByLabel("Selection, in dbt's syntax");
  for (const [selection, nodes] of [
    ["group:etl_orchestration", /^1 node$/],
    ["engine:operational,resource_type:model", /^\d nodes$/],
    ["1+dim_date", /^\d nodes?$/],
    ["path:models/sales --exclude fact_payments", /^\d+ nodes$/],
    ["nonsense:x", /no method/],
  ]) {
    await input.fill(selection);
    await input.press("Enter");
    await page.waitForFunction(([text, pattern]) => location.hash.includes(new URLSearchParams({ select: text }).toString()) && new RegExp(pattern).test(document.querySelector(".count").textContent), [selection, nodes.source]);
    assert.match(await count.textContent(), nodes);
  }
  await done();
});

test("edges between columns are drawn where they are known", async () => {
  const change = `(name, data) => {
    if (name === "index") {
      data.column_lineage = true;
      window.places = Object.fromEntries(data.nodes.map((row, at) => [row[2], at]));
      window.starts = data.chunks;
    } else if (name.startsWith("nodes-")) {
      const at = window.places.dim_customer - window.starts[Number(name.slice(6))];
      if (data[at]?.columns?.some((column) => column.name === "customer_segment")) {
        data[at].lineage = [["customer_unique_id", window.places.stg_customers, "customer_unique_id", "copy"], ["customer_key", window.places.stg_customers, "customer_unique_id", "transform"]];
      }
    }
  }`;
  const { page, done } = await open("/graph?select=%2Bdim_customer", { change });
  await card(page, "dim_customer").getByRole("button", { name: "Columns of dim_customer" }).click();
  await card(page, "dim_customer").getByRole("button", { name: "customer_unique_id", exact: true }).click();
  // What the customers are made of is known, too.
  await page.locator(".column-edges path.traced.copy").first().waitFor({ state: "attached" });
  await card(page, "stg_customers").locator("li.traced", { hasText: "customer_unique_id" }).waitFor();
  assert.notEqual(await page.locator(".column-edges path.transform").count(), 0);
  await done();
});

test("dark mode is chosen by the system and by hand", async () => {
  const { page, done } = await open("/", { colorScheme: "dark" });
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await background();
  await page.getByRole("button", { name: "Light mode" }).click();
  const light = await background();
  const brightness = (color) => color.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
  assert.ok(brightness(dark) < 120 && brightness(light) > 700, `${dark} ${light}`);
  await page.getByRole("button", { name: "Dark mode" }).click();
  assert.equal(await background(), dark);
  await done();
});

test("runs and quality are shown", async () => {
  const { page, done } = await open("/runs");
  await page.locator(".gantt .track i").first().waitFor();
  assert.ok((await page.locator(".gantt .track i").count()) > 300);
  assert.ok((await page.locator(".gantt .track i.bridge").count()) > 0);
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Quality" }).click();
  await page.getByRole("row", { name: /fulfillment/ }).first().waitFor();
  await done();
});

test("Markdown of descriptions cannot do anything", async () => {
  const change = `(name, data) => {
    if (name === "index") data.overview = "# Hello\\n<img src=x onerror='window.bad = 1'><script>window.bad = 1</script>\\n[a](javascript:window.bad=1) <iframe src='https://example.com'></iframe> **bold** <form action='https://example.com'><input></form>";
  }`;
  const { page, done } = await open("/", { change });
  await page.locator(".md strong", { hasText: "bold" }).waitFor();
  assert.equal(await page.locator(".md script, .md iframe, .md form, .md input, .md [onerror], .md a[href^='javascript']").count(), 0);
  assert.equal(await page.evaluate(() => window.bad), undefined);
  await done();
});

test("phones get pages that fit, and everything has a name", async () => {
  for (const hash of ["/", "/browse", "/node/model.olist.fact_order_items", "/graph", "/quality", "/runs"]) {
    const { page, done } = await open(hash, { viewport: { width: 390, height: 844 } });
    await page.locator("main :is(h1, .stage, .loading)").first().waitFor();
    await page.waitForFunction(() => !document.querySelector("main .loading"));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${hash} is ${wide} pixels too wide`);
    const unnamed = await page.evaluate(() =>
      [...document.querySelectorAll("button, a[href], input, select, [role=img]")]
        .filter((one) => !(one.getAttribute("aria-label") || one.title || one.labels?.length || one.textContent.trim()))
        .map((one) => one.outerHTML),
    );
    assert.deepEqual(unnamed, [], hash);
    await done();
  }
});

test("axe finds nothing to complain of, light or dark", async () => {
  const pages = ["/", "/browse", "/node/model.olist.fact_order_items", "/node/test.olist.orders_without_items", "/graph?select=%2Bops_customer_lookup&node=dim_customer", "/quality", "/runs", "search"];
  for (const [colorScheme, width] of [["light", 1280], ["dark", 390]]) {
    for (const hash of pages) {
      const { page, done } = await open(hash === "search" ? "/" : hash, { colorScheme, viewport: { width, height: 860 } });
      await page.locator("main :is(h1, .stage)").first().waitFor();
      await page.waitForFunction(() => !document.querySelector("main .loading"));
      if (hash === "search") {
        await page.keyboard.press("/");
        await page.getByRole("combobox", { name: "Search" }).fill("review score");
        await page.locator("#hits li small mark").first().waitFor();
      }
      await page.evaluate(axe);
      const found = await page.evaluate(async () => {
        const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
        return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
      });
      assert.deepEqual(found, [], `${hash} ${colorScheme}`);
      await done();
    }
  }
});
