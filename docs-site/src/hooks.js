import { useEffect, useState } from "preact/hooks";

/** What a promise gives, once it does: {value, error}. */
export function usePromise(make, dependencies) {
  const [state, setState] = useState({});
  useEffect(() => {
    let current = true;
    setState({});
    make().then(
      (value) => current && setState({ value }),
      (error) => current && setState({ error }),
    );
    return () => { current = false; };
  }, dependencies);
  return state;
}

/** Whether the page is dark, however that came about. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Calls back when the colours change. */
export function useTheme(changed) {
  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const observer = new MutationObserver(changed);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    media.addEventListener("change", changed);
    return () => { observer.disconnect(); media.removeEventListener("change", changed); };
  }, []);
}
