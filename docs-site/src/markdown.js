// Markdown of descriptions as HTML that cannot do anything: no scripts, no styles, no forms.
import DOMPurify from "dompurify";
import { Marked } from "marked";

const marked = new Marked({ gfm: true, breaks: false });
const RULES = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select", "iframe", "video", "audio"],
  FORBID_ATTR: ["style", "id", "class", "name"],
};

DOMPurify.addHook("afterSanitizeAttributes", (element) => {
  if (element.tagName === "A" && /^https?:/.test(element.getAttribute("href") ?? "")) {
    element.setAttribute("target", "_blank");
    element.setAttribute("rel", "noopener noreferrer");
  }
});

export const toHtml = (text) => DOMPurify.sanitize(marked.parse(text), RULES);

/** The first sentence or line as plain text, for lists. */
export function plain(text, most = 160) {
  const line = text.replace(/[`*_#>]|\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/\s+/g, " ").trim();
  return line.length > most ? `${line.slice(0, most - 1).trimEnd()}…` : line;
}
