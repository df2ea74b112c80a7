// The page of a project's documentation. The data come from `pintail docs generate`.
import { render } from "preact";
import { App } from "./app.jsx";
import "./style.css";

const root = document.getElementById("app");
// The frame that page.html shows meanwhile.
root.textContent = "";
if (window.pintailParts.has("index")) render(<App />, root);
else root.textContent = "The file site/data/index.js is missing: copy the folder `site` along with index.html.";
