// The lineage graph: what is selected, in layers from left to right.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { createPortal } from "preact/compat";
import { crossing, detail, find, health, link, nodes, site } from "../data.js";
import { HEIGHT, WIDTH, layout } from "../graph/layout.js";
import { traceColumn } from "../graph/columns.js";
import { GraphView } from "../graph/view.js";
import { kindName, plural } from "../format.js";
import { isDark, usePromise, useTheme } from "../hooks.js";
import { plain } from "../markdown.js";
import { Engine, Health, Icon, Kind, Status } from "../parts.jsx";
import { address, replace } from "../router.js";
import { select } from "../select.js";

/** Cards are shown from this scale on, where they can be read, and never more than so many. */
const READABLE = 0.4;
const MOST_CARDS = 260;

const ROW = 21;
const ROWS = 40;

const COLORS = {
  light: { duckdb: "#d9b23c", postgres: "#5b8cb5", none: "#b4b7ae", edge: "#b3b7ad", bridge: "#a8328f", place: "#6d97bd", dim: "#e6e7e2", strong: "#4d5a54", back: "#fafaf8" },
  dark: { duckdb: "#b08c22", postgres: "#4a7ba6", none: "#6a716b", edge: "#56605a", bridge: "#e07cc9", place: "#5f8fb8", dim: "#252a27", strong: "#b5beb7", back: "#131514" },
};

/** The folder below the first one, of the folder of a file; there are far fewer folders than files. */
const folders = new Map();
function folderOf(path) {
  if (!folders.has(path)) folders.set(path, path.split("/").filter((part) => part !== ".." && part !== ".")[1] ?? null);
  return folders.get(path);
}

const boxesBy = {
  group: (node) => node.group?.name ?? null,
  folder: (node) => folderOf(node.path.slice(0, node.path.lastIndexOf("/"))),
  package: (node) => node.package,
  none: () => null,
};

const defaultBoxes = site.groups.length ? "group" : site.packages.length > 2 ? "package" : nodes.length > 60 ? "folder" : "none";

/** What the graph shows without a selection: everything but tests. */
const everything = nodes.filter((node) => node.kind !== "test" && node.kind !== "analysis").map((node) => node.at);

export function Graph({ query }) {
  const text = query.get("select") ?? "";
  const boxes = query.get("boxes") ?? defaultBoxes;
  const picked = query.get("node") ? (find(query.get("node"))?.at ?? null) : null;
  const go = (change) => replace("graph", { select: text, boxes: boxes === defaultBoxes ? "" : boxes, node: picked == null ? "" : nodes[picked].id, ...change });
  const { places, error } = useMemo(() => {
    try {
      const found = select(text);
      if (!found) return { places: everything };
      // Tests only where nothing else is selected, or where they are asked for.
      const all = [...found].sort((a, b) => a - b);
      const others = all.filter((place) => nodes[place].kind !== "test");
      return { places: others.length && !text.includes("resource_type:test") ? others : all };
    } catch (error) {
      return { places: [], error: error.message };
    }
  }, [text]);
  // Nodes whose columns are shown, with their details.
  const [open, setOpen] = useState(new Map());
  const toggle = async (place) => {
    const about = await detail(nodes[place]);
    setOpen((open) => {
      const next = new Map(open);
      if (!next.delete(place)) next.set(place, about);
      return next;
    });
  };
  const [traced, setTraced] = useState(null);
  const trace = async (place, column) => {
    if (traced?.place === place && traced.column === column) return setTraced(null);
    const found = await traceColumn(place, column);
    setOpen((open) => new Map([...open, ...found.details].slice(0, 60)));
    setTraced({ place, column, ...found });
  };
  // The frame of the page is painted before the graph is laid out.
  const [isReady, setReady] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setReady(true), 30);
    return () => clearTimeout(timer);
  }, []);
  const drawn = useMemo(
    () =>
      isReady &&
      layout({
        places,
        parentsOf: (place) => nodes[place].parents,
        laneOf: (place) => boxesBy[boxes]?.(nodes[place]) ?? null,
        heightOf: (place) => heightOf(open.get(place)),
      }),
    [places, boxes, open, isReady],
  );
  return (
    <div class="lineage">
      <h1 class="reader">Lineage</h1>
      <Toolbar text={text} boxes={boxes} count={places.length} error={error} go={go} />
      {!drawn ? (
        <p class="loading nothing" aria-busy="true">Drawing {plural(places.length, "node")}…</p>
      ) : places.length === 0 && !error ? (
        <p class="empty nothing">The selection <code>{text}</code> names nothing.</p>
      ) : (
        <Drawing drawn={drawn} picked={picked} pick={(place) => go({ node: place == null ? "" : nodes[place].id })} open={open} toggle={toggle} trace={trace} traced={traced} fitOn={`${text} ${boxes}`} />
      )}
      {picked != null && <Panel node={nodes[picked]} isOpen={open.has(picked)} toggle={() => toggle(picked)} close={() => go({ node: "" })} go={go} />}
    </div>
  );
}

function heightOf(about) {
  const count = about?.columns?.length;
  if (about && !count) return HEIGHT + ROW;
  return count ? HEIGHT + 6 + Math.min(count, ROWS + 1) * ROW : HEIGHT;
}

function Toolbar({ text, boxes, count, error, go }) {
  const [value, setValue] = useState(text);
  const [copied, setCopied] = useState(false);
  useLayoutEffect(() => setValue(text), [text]);
  const submit = (event) => {
    event.preventDefault();
    go({ select: value.trim(), node: "" });
  };
  const share = async () => {
    try { await navigator.clipboard.writeText(location.href); } catch { return; }
    setCopied(true);
    setTimeout(() => setCopied(false), 1200);
  };
  return (
    <form class="toolbar" onSubmit={submit}>
      <input class="selector" type="search" spellcheck={false} autocapitalize="off" placeholder="Select: +fact_orders  tag:mart  path:models/sales  engine:analytics" aria-label="Selection, in dbt's syntax" value={value} onInput={(event) => setValue(event.currentTarget.value)} onSearch={submit} list="selections" />
      <datalist id="selections">
        {site.groups.map((group) => <option key={group.name} value={`group:${group.name}`} />)}
        {site.engines.length > 1 && site.engines.map((engine) => <option key={engine.name} value={`engine:${engine.name}`} />)}
        {[...new Set(nodes.flatMap((node) => node.tags))].slice(0, 60).map((tag) => <option key={tag} value={`tag:${tag}`} />)}
      </datalist>
      <button class="button go">Show</button>
      {text && <button class="button" type="button" onClick={() => go({ select: "", node: "" })}>All</button>}
      <label><span>Boxes</span> <select value={boxes} onChange={(event) => go({ boxes: event.currentTarget.value })} aria-label="Boxes">
        {Object.keys(boxesBy).filter((name) => name !== "group" || site.groups.length).map((name) => <option key={name} value={name}>{name === "none" ? "no boxes" : `by ${name}`}</option>)}
      </select></label>
      <button class="icon" type="button" onClick={share} aria-label="Copy the link to this view" title="Copy the link to this view"><Icon name={copied ? "check" : "share"} /></button>
      <span class="count" aria-live="polite">{error ? <span class="bad">{error}</span> : plural(count, "node")}</span>
    </form>
  );
}

/** All that the nodes of a set read, or are read by, within the drawing. */
function reach(place, drawn) {
  const found = new Set([place]);
  for (const edges of ["parents", "children"]) {
    const queue = [place];
    for (const one of queue) {
      for (const other of nodes[one][edges]) {
        if (drawn.nodes.has(other) && !found.has(other)) {
          found.add(other);
          queue.push(other);
        }
      }
    }
  }
  return found;
}

function Drawing({ drawn, picked, pick, open, toggle, trace, traced, fitOn }) {
  const container = useRef(null);
  const under = useRef(null);
  const above = useRef(null);
  const view = useRef(null);
  const [layer, setLayer] = useState(null);
  const [cards, setCards] = useState([]);
  const [over, setOver] = useState(null);
  const [dark, setDark] = useState(isDark);
  useTheme(() => setDark(isDark()));
  const handlers = useRef({});
  const near = useMemo(() => (picked == null || !drawn.nodes.has(picked) ? null : reach(picked, drawn)), [picked, drawn]);

  const paint = () => {
    const colors = COLORS[dark ? "dark" : "light"];
    const strong = near != null;
    const styles = {
      dim: { color: colors.dim, size: 1, dim: true },
      plain: { color: strong ? colors.strong : colors.edge, size: 1.5, strong },
      bridge: { color: colors.bridge, size: 2.4, strong },
      "in place": { color: colors.place, size: 2.4, strong },
    };
    return {
      colorOf: (place) => (near && !near.has(place) ? colors.dim : colors[nodes[place].engine?.type ?? "none"] ?? colors.none),
      edgeOf: (from, to) => (near && !(near.has(from) && near.has(to)) ? styles.dim : styles[crossing(nodes[from], nodes[to]) ?? "plain"]),
    };
  };

  // Which cards are in sight, and where everything lies.
  handlers.current.moved = ({ x, y, scale }) => {
    const transform = `translate(${x}px,${y}px) scale(${scale})`;
    for (const element of [under.current, above.current]) {
      if (!element) continue;
      element.style.transform = transform;
      element.style.setProperty("--scale", scale);
    }
    const now = view.current;
    if (!now) return;
    if (scale < READABLE) { handlers.current.seen = null; setCards((cards) => (cards.length ? [] : cards)); return; }
    const seen = now.seen();
    const last = handlers.current.seen;
    // The cards of a wider part are kept, so that most movements change none.
    if (last && last.drawn === handlers.current.drawn && seen.x1 > last.x1 && seen.y1 > last.y1 && seen.x2 < last.x2 && seen.y2 < last.y2) return;
    const margin = { x: (seen.x2 - seen.x1) * 0.35, y: (seen.y2 - seen.y1) * 0.35 };
    const wide = { x1: seen.x1 - margin.x, y1: seen.y1 - margin.y, x2: seen.x2 + margin.x, y2: seen.y2 + margin.y };
    const inside = [];
    for (const [place, node] of handlers.current.drawn.nodes) {
      if (node.x < wide.x2 && node.x + node.w > wide.x1 && node.y < wide.y2 && node.y + node.h > wide.y1) inside.push(place);
      if (inside.length > MOST_CARDS) break;
    }
    // Of too many none are shown, until nearer there are fewer.
    const many = inside.length > MOST_CARDS;
    handlers.current.seen = many ? null : { ...wide, drawn: handlers.current.drawn };
    setCards((cards) => (many ? (cards.length ? [] : cards) : inside));
  };
  handlers.current.drawn = drawn;
  handlers.current.pick = pick;

  useLayoutEffect(() => {
    view.current = new GraphView(container.current, {
      moved: (transform) => handlers.current.moved(transform),
      picked: (place) => handlers.current.pick(place),
      over: setOver,
    });
    setLayer(view.current.layer);
    return () => view.current.kill();
  }, []);

  const fitted = useRef(null);
  useLayoutEffect(() => {
    if (!view.current) return;
    view.current.show(drawn, paint());
    if (fitted.current !== fitOn) {
      fitted.current = fitOn;
      view.current.fit();
      if (picked != null) view.current.reveal(picked, 0.75);
    }
    performance.mark("pintail-graph-drawn");
  }, [drawn]);
  useEffect(() => { view.current?.paint(paint()); }, [near, dark]);
  useEffect(() => { if (picked != null) view.current?.reveal(picked); }, [picked]);

  const pressed = (event) => {
    const now = view.current;
    if (!now || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = (other) => { if (other != null) { pick(other); event.preventDefault(); } };
    const inLayer = (step) => {
      const here = drawn.nodes.get(picked);
      const column = [...drawn.nodes].filter(([, node]) => node.x === here.x).sort((a, b) => a[1].y - b[1].y).map(([place]) => place);
      return column[column.indexOf(picked) + step];
    };
    const shown = (list) => list.find((place) => drawn.nodes.has(place));
    const here = picked != null && drawn.nodes.has(picked);
    switch (event.key) {
      case "ArrowLeft": return here ? move(shown(nodes[picked].parents)) : move(drawn.nodes.keys().next().value);
      case "ArrowRight": return here ? move(shown(nodes[picked].children)) : move(drawn.nodes.keys().next().value);
      case "ArrowUp": return here && move(inLayer(-1));
      case "ArrowDown": return here && move(inLayer(1));
      case "Enter": if (here && event.target === event.currentTarget) location.hash = link(nodes[picked]); return;
      case "c": return here && toggle(picked);
      case "+": case "=": return now.zoom(1.4);
      case "-": return now.zoom(1 / 1.4);
      case "0": return now.fit(true);
    }
  };
  useEffect(() => {
    const escape = (event) => { if (event.key === "Escape" && !document.querySelector("dialog[open]")) handlers.current.pick(null); };
    addEventListener("keydown", escape);
    return () => removeEventListener("keydown", escape);
  }, []);

  return (
    <div class="stage" tabIndex={0} onKeyDown={pressed} role="application" aria-label={`Lineage of ${drawn.nodes.size} nodes. Arrow keys go along it, Enter opens a node, c shows its columns, plus and minus zoom.`}>
      <div class="world under" ref={under} aria-hidden="true">
        {drawn.lanes.map((lane) => <div key={lane.name} class="box" style={{ left: lane.x, top: lane.y, width: lane.w, height: lane.h }} />)}
      </div>
      <div class="canvas" ref={container} />
      {layer && createPortal(
        <div class="world above" ref={above}>
          {drawn.lanes.map((lane) => <span key={lane.name} class="box-name" style={{ left: lane.x, top: lane.y }} aria-hidden="true">{lane.name}</span>)}
          <ColumnEdges drawn={drawn} open={open} traced={traced} />
          {cards.filter((place) => drawn.nodes.has(place)).map((place) => (
            <Card key={place} place={place} at={drawn.nodes.get(place)} isPicked={place === picked} isDim={near != null && !near.has(place)} pick={pick} about={open.get(place)} toggle={toggle} trace={trace} traced={traced} />
          ))}
          {cards.length > 0 && <Bridges drawn={drawn} cards={cards} near={near} />}
        </div>,
        layer,
      )}
      {over != null && !cards.length && <div class="hovered"><Kind node={nodes[over]} /> {nodes[over].name}</div>}
      <div class="zoom">
        <button class="icon" onClick={() => view.current.zoom(1.4)} aria-label="Zoom in"><Icon name="plus" /></button>
        <button class="icon" onClick={() => view.current.zoom(1 / 1.4)} aria-label="Zoom out"><Icon name="minus" /></button>
        <button class="icon" onClick={() => view.current.fit(true)} aria-label="Show all"><Icon name="fit" /></button>
      </div>
      <ul class="key" aria-label="Colours">
        {site.engines.map((engine) => <li key={engine.name}><i class={`swatch engine-${engine.type}`} />{engine.name}</li>)}
        {site.engines.length > 1 && <><li><i class="stroke bridge" />bridge</li><li><i class="stroke place" />read in place</li></>}
      </ul>
    </div>
  );
}

function Card({ place, at, isPicked, isDim, pick, about, toggle, trace, traced }) {
  const node = nodes[place];
  const down = useRef(null);
  // A drag that ends on a card is no click.
  const click = (act) => (event) => {
    event.stopPropagation();
    const from = down.current;
    if (from && Math.hypot(event.clientX - from[0], event.clientY - from[1]) > 5) return;
    act();
  };
  const state = health(node);
  return (
    <div class={`node-card engine-${node.engine?.type ?? "none"}${isPicked ? " picked" : ""}${isDim ? " dim" : ""}`} style={{ left: at.x, top: at.y, width: at.w, height: at.h }} onPointerDown={(event) => { down.current = [event.clientX, event.clientY]; }} data-node={node.id}>
      <div class="head" style={{ height: HEIGHT }}>
        <button class="name" onClick={click(() => pick(isPicked ? null : place))} onDblClick={() => { location.hash = link(node); }} aria-pressed={isPicked} title={node.name}>
          <Kind node={node} />
          <span class="label">{node.name}</span>
          <span class="reader">{node.engine && `on ${node.engine.name}, `}reads {node.parents.length}, read by {node.children.length}</span>
          {state && state !== "pass" && <span class={`dot ${state}`} />}
        </button>
        {node.kind !== "exposure" && <button class="more-columns" onClick={click(() => toggle(place))} aria-expanded={Boolean(about)} aria-label={`Columns of ${node.name}`} title="Columns"><Icon name="chevron" /></button>}
      </div>
      {about && (
        <ul class="cols">
          {!about.columns?.length && <li class="quiet">no columns are known</li>}
          {(about.columns ?? []).slice(0, ROWS).map((column) => (
            <li key={column.name} class={traced?.columns.has(`${place} ${column.name.toLowerCase()}`) ? "traced" : ""} style={{ height: ROW }}>
              {site.column_lineage ? <button onClick={click(() => trace(place, column.name))}>{column.name}</button> : <span>{column.name}</span>}
              <small>{column.type?.toLowerCase()}</small>
            </li>
          ))}
          {about.columns?.length > ROWS && <li class="quiet">and {about.columns.length - ROWS} more</li>}
        </ul>
      )}
    </div>
  );
}

/** A sign on each edge over which data is copied. */
function Bridges({ drawn, cards, near }) {
  const seen = new Set(cards);
  return drawn.edges
    .filter(([from, to]) => (seen.has(from) || seen.has(to)) && crossing(nodes[from], nodes[to]) === "bridge" && (!near || (near.has(from) && near.has(to))))
    .map(([from, to]) => {
      const b = drawn.nodes.get(to);
      return (
        <span key={`${from} ${to}`} class="bridge-sign" title={`${nodes[from].name} is copied from ${nodes[from].engine.name} to ${nodes[to].engine.name}`} style={{ left: b.x - 34, top: b.y + b.h / 2 }}>
          <Icon name="bridge" />bridge
        </span>
      );
    });
}

/** Lines between the columns of nodes that show theirs. */
function ColumnEdges({ drawn, open, traced }) {
  const row = (place, name) => {
    const at = drawn.nodes.get(place);
    const columns = open.get(place)?.columns;
    const number = columns ? columns.findIndex((column) => column.name.toLowerCase() === name.toLowerCase()) : -1;
    return at.y + (number >= 0 && number < ROWS ? HEIGHT + 3 + (number + 0.5) * ROW : HEIGHT / 2);
  };
  const lines = [];
  for (const [place, about] of open) {
    if (!drawn.nodes.has(place)) continue;
    for (const [column, from, fromColumn, kind] of about.lineage ?? []) {
      if (!drawn.nodes.has(from) || !open.has(from) || !column) continue;
      const [a, b] = [drawn.nodes.get(from), drawn.nodes.get(place)];
      const [x1, y1, x2, y2] = [a.x + a.w, row(from, fromColumn), b.x, row(place, column)];
      const middle = (x1 + x2) / 2;
      const is = traced?.columns.has(`${place} ${column.toLowerCase()}`) && traced.columns.has(`${from} ${fromColumn.toLowerCase()}`);
      lines.push(<path key={`${place} ${column} ${from} ${fromColumn}`} class={`${kind}${is ? " traced" : ""}`} d={`M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`} />);
    }
  }
  return lines.length > 0 && <svg class="column-edges" width="1" height="1" aria-hidden="true">{lines}</svg>;
}

function Panel({ node, isOpen, toggle, close, go }) {
  const { value: about } = usePromise(() => detail(node), [node.id]);
  const moves = [...node.parents.map((at) => [nodes[at], node]), ...node.children.map((at) => [node, nodes[at]])].filter(([from, to]) => to.kind !== "test" && crossing(from, to) === "bridge");
  return (
    <aside class="panel" aria-label={`About ${node.name}`}>
      <button class="icon close" onClick={close} aria-label="Close"><Icon name="close" /></button>
      <p class="crumbs">{kindName(node.kind)}{node.materialized && ` · ${node.materialized}`}</p>
      <h2>{node.name}</h2>
      <p class="badges"><Engine engine={node.engine} />{node.group && <span class="tag">{node.group.name}</span>}</p>
      {about && <p>{plain(about.description ?? "", 260) || <span class="quiet">No description yet.</span>}</p>}
      <p class="quiet">
        Reads {node.parents.length}, is read by {node.children.filter((at) => nodes[at].kind !== "test").length}.
        {node.tests && <> <Health node={node} /> {node.tests[0]} of {node.tests[3]} tests passed.</>}
      </p>
      {node.status && <p><Status status={node.status} quiet /></p>}
      {moves.map(([from, to]) => <p key={from.id + to.id} class="quiet"><Icon name="bridge" /> {from === node ? <>goes over a bridge to <b>{to.name}</b></> : <>comes over a bridge from <b>{from.name}</b></>}</p>)}
      <div class="actions">
        <a class="button primary" href={link(node)}>Open page</a>
        <button class="button" onClick={toggle} aria-pressed={isOpen}>{isOpen ? "Hide columns" : "Columns"}</button>
        <button class="button" onClick={() => go({ select: `+${node.name}` })}>+ upstream</button>
        <button class="button" onClick={() => go({ select: `${node.name}+` })}>downstream +</button>
      </div>
    </aside>
  );
}
