// The address of a page is in the hash, so that it works from file:// and can be shared.
import { useEffect, useState } from "preact/hooks";

function read() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
}

export function useRoute() {
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const changed = () => setRoute(read());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}

/** The address of a page with parameters; empty ones are left out. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value != null && value !== ""));
  const text = query.toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

/** Changes the parameters of the page without another entry in the history. */
export function replace(path, parameters) {
  history.replaceState(null, "", address(path, parameters));
  dispatchEvent(new HashChangeEvent("hashchange"));
}
