// Code in colours.
import hljs from "highlight.js/lib/core";
import python from "highlight.js/lib/languages/python";
import sql from "highlight.js/lib/languages/sql";

hljs.registerLanguage("sql", sql);
hljs.registerLanguage("python", python);

const JINJA = /(\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|\{#[\s\S]*?#\})/;
const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** HTML of code; templates inside of SQL get a colour of their own. */
export function highlight(code, language = "sql") {
  if (code.length > 200_000) return escape(code);
  const shown = (text) => hljs.highlight(text, { language, ignoreIllegals: true }).value;
  if (language !== "sql") return shown(code);
  return code
    .split(JINJA)
    .map((piece, at) => {
      if (at % 2 === 0) return shown(piece);
      const kind = piece[1] === "#" ? "hljs-comment" : "jinja";
      return `<span class="${kind}">${escape(piece)}</span>`;
    })
    .join("");
}
