// The frame around every page: header, search, keyboard.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { find, site } from "./data.js";
import { ago } from "./format.js";
import { isDark } from "./hooks.js";
import { Icon } from "./parts.jsx";
import { Browse } from "./pages/browse.jsx";
import { Graph } from "./pages/graph.jsx";
import { Home } from "./pages/home.jsx";
import { NodePage } from "./pages/node.jsx";
import { Quality } from "./pages/quality.jsx";
import { Runs } from "./pages/runs.jsx";
import { useRoute } from "./router.js";
import { SearchBox } from "./searchbox.jsx";

const TABS = [
  ["", "Overview", true],
  ["browse", "Browse", true],
  ["graph", "Lineage", true],
  ["quality", "Quality", site.quality],
  ["runs", "Runs", true],
];

export function App() {
  const route = useRoute();
  const [searching, setSearching] = useState(false);
  const [page = "", one] = route.parts;
  const main = useRef(null);
  useLayoutEffect(() => {
    const pressed = (event) => {
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
      if ((event.key === "/" && !typing) || (event.key === "k" && (event.metaKey || event.ctrlKey))) {
        event.preventDefault();
        setSearching(true);
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  useEffect(() => {
    if (page !== "graph") scrollTo(0, 0);
    const node = page === "node" ? find(one) : null;
    const tab = TABS.find(([path]) => path === page)?.[1];
    document.title = `${node?.name ?? (page ? tab ?? page : "Overview")} · ${site.project}`;
  }, [page, one]);
  const shown = {
    "": () => <Home />,
    browse: () => <Browse query={route.query} />,
    graph: () => <Graph query={route.query} />,
    node: () => <NodePage id={one} key={one} />,
    quality: () => <Quality />,
    runs: () => <Runs id={one} />,
  }[page];
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current.focus(); }}>Skip to content</a>
      <header class="top">
        <a class="brand" href="#/" aria-label={`${site.project}: overview`}>
          <Icon name="mark" />
          <span>{site.project}</span>
        </a>
        <nav class="tabs" aria-label="Pages">
          {TABS.filter(([, , there]) => there).map(([path, title]) => (
            <a href={`#/${path}`} key={path} aria-current={path === page ? "page" : undefined}>{title}</a>
          ))}
        </nav>
        <button class="searcher" onClick={() => setSearching(true)} aria-label="Search" aria-keyshortcuts="/">
          <Icon name="search" />
          <span>Search</span>
          <kbd>/</kbd>
        </button>
        <Theme />
      </header>
      <main id="main" ref={main} tabIndex={-1} class={page === "graph" ? "wide" : ""}>
        {shown ? shown() : <p class="empty">There is no such page. <a href="#/">Back to the overview</a></p>}
      </main>
      {page !== "graph" && (
        <footer>
          Target <b>{site.target}</b> · generated <time title={new Date(site.generated_at).toISOString()}>{ago(site.generated_at)}</time> by Pintail {site.version}
        </footer>
      )}
      {searching && <SearchBox close={() => setSearching(false)} />}
    </>
  );
}

function Theme() {
  const [dark, setDark] = useState(isDark);
  const toggle = () => {
    const theme = dark ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("pintail-theme", theme); } catch { /* A page from a disk may not keep anything. */ }
    setDark(!dark);
  };
  return (
    <button class="icon theme" onClick={toggle} aria-label={dark ? "Light mode" : "Dark mode"} title={dark ? "Light mode" : "Dark mode"}>
      <Icon name={dark ? "sun" : "moon"} />
    </button>
  );
}
