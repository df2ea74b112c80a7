// The search dialog: instant results, arrows and Enter.
import { useEffect, useRef, useState } from "preact/hooks";
import { link } from "./data.js";
import { descriptionOf, prepare, search } from "./search.js";
import { plain } from "./markdown.js";
import { Icon, Kind } from "./parts.jsx";

export function SearchBox({ close }) {
  const [query, setQuery] = useState("");
  const [hits, setHits] = useState([]);
  const [at, setAt] = useState(0);
  const [ready, setReady] = useState(false);
  const dialog = useRef(null);
  const list = useRef(null);
  useEffect(() => {
    dialog.current.showModal();
    prepare().then(() => setReady(true), () => setReady(true));
  }, []);
  useEffect(() => {
    let current = true;
    search(query).then((found) => {
      if (!current) return;
      setHits(found);
      setAt(0);
    });
    return () => { current = false; };
  }, [query, ready]);
  useEffect(() => { list.current?.children[at]?.scrollIntoView({ block: "nearest" }); }, [at, hits]);
  const open = (hit) => {
    location.hash = link(hit.node);
    dialog.current.close();
  };
  const pressed = (event) => {
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, hits.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter" && hits[at]) open(hits[at]);
    else if (event.key === "Escape") dialog.current.close();
    else return;
    event.preventDefault();
  };
  return (
    <dialog class="search" ref={dialog} onClose={close} aria-label="Search" onClick={(event) => event.target === dialog.current && dialog.current.close()}>
      <div class="field">
        <Icon name="search" />
        <input
          autofocus
          type="search"
          placeholder="Search names, columns, descriptions, SQL"
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={pressed}
          role="combobox"
          aria-expanded={hits.length > 0}
          aria-controls="hits"
          aria-activedescendant={hits[at] ? `hit-${at}` : undefined}
          aria-label="Search"
        />
        <button class="esc" onClick={() => dialog.current.close()} aria-label="Esc: close"><kbd>Esc</kbd></button>
      </div>
      <ul id="hits" role="listbox" aria-label="Results" ref={list}>
        {hits.map((hit, place) => (
          <li
            key={hit.node.id}
            id={`hit-${place}`}
            role="option"
            aria-selected={place === at}
            onMouseMove={() => place !== at && setAt(place)}
            onClick={() => open(hit)}
          >
            <Kind node={hit.node} />
            <span class="what">
              <b>{hit.node.name}</b>
              {hit.where ? (
                <small><i>{hit.where.field}</i> {hit.where.before}<mark>{hit.where.hit}</mark>{hit.where.after}</small>
              ) : (
                <small>{plain(descriptionOf(hit.node)) || hit.node.path}</small>
              )}
            </span>
          </li>
        ))}
      </ul>
      {query && !hits.length && <p class="empty">{ready ? "Nothing is like that." : "Reading…"}</p>}
      {!query && <p class="hint"><kbd>↑</kbd> <kbd>↓</kbd> to choose, <kbd>Enter</kbd> to open, <kbd>Esc</kbd> to close</p>}
      <div class="reader" aria-live="polite">{query ? `${hits.length} results` : ""}</div>
    </dialog>
  );
}
