// The drawing of a layout: nodes and edges on one canvas, only what is in sight. d3-zoom owns the camera. What is
// above (cards) and below (boxes) is HTML that follows the camera by one transform.
import { select } from "d3-selection";
import { zoom, zoomIdentity } from "d3-zoom";
import "d3-transition";
import { Edges } from "./edges.js";

/** How large things are shown at most: pixels for a unit of the layout. */
const MAX_SCALE = 1.6;
const MIN_SCALE = 1 / 400;

/** From this scale on nodes have round corners. */
const ROUND = 0.12;

/** What the legend takes at the bottom, in pixels. */
const FOOT = 36;

/** How far beside a node, in pixels, the pointer still means it. */
const NEAR = 3;

export class GraphView {
  /** events: {moved({x, y, scale}), picked(place or null), over(place or null)} */
  constructor(container, events) {
    this.container = container;
    this.events = events;
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    /** HTML above the drawing that follows it: a gesture that begins there moves the camera, too. */
    this.layer = document.createElement("div");
    container.append(this.canvas, this.layer);
    this.edges = new Edges();
    this.layout = { nodes: new Map(), edges: [], lanes: [] };
    this.places = [];
    this.boxes = new Float32Array();
    this.colors = [];
    this.camera = zoomIdentity;
    this.target = select(container);
    this.zoomed = zoom()
      .scaleExtent([MIN_SCALE, MAX_SCALE])
      .clickDistance(4)
      .on("zoom", ({ transform }) => { this.camera = transform; this.later(); });
    this.target.call(this.zoomed).on("dblclick.zoom", null);
    // At once, so that nothing is shown stretched.
    this.resized = new ResizeObserver(() => { if (this.isResized()) this.draw(); });
    this.resized.observe(container);
    container.addEventListener("click", (event) => events.picked(this.under(event)));
    container.addEventListener("pointermove", (event) => { if (!event.buttons) this.hover(this.under(event)); });
    container.addEventListener("pointerleave", () => this.hover(null));
  }

  /** Draws a layout: colorOf(place), edgeOf(from, to) → {color, size, dim, strong}. */
  show(layout, colors) {
    this.layout = layout;
    this.places = [...layout.nodes.keys()];
    this.boxes = new Float32Array(4 * this.places.length);
    let at = 0;
    for (const { x, y, w, h } of layout.nodes.values()) {
      this.boxes[at++] = x; this.boxes[at++] = y; this.boxes[at++] = x + w; this.boxes[at++] = y + h;
    }
    this.edges.show(layout);
    this.paint(colors);
  }

  /** Other colours for what is drawn. */
  paint({ colorOf, edgeOf }) {
    const groups = new Map();
    this.places.forEach((place, at) => {
      const color = colorOf(place);
      if (!groups.has(color)) groups.set(color, []);
      groups.get(color).push(at);
    });
    this.colors = [...groups];
    this.edges.paint(edgeOf);
    this.later();
  }

  /** Draws with the next frame. */
  later() {
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    const { canvas, boxes } = this;
    const { x, y, k: scale } = this.camera;
    const { width, height, ratio } = this.size();
    if (!width || !height) return;
    if (this.isResized()) Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const pen = canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const seen = this.seen();
    const lines = this.edges.draw(pen, { x, y, scale }, seen);
    let drawn = 0;
    for (const [color, group] of this.colors) {
      pen.fillStyle = color;
      if (scale >= ROUND) pen.beginPath();
      for (const node of group) {
        const at = 4 * node;
        if (boxes[at] > seen.x2 || boxes[at + 1] > seen.y2 || boxes[at + 2] < seen.x1 || boxes[at + 3] < seen.y1) continue;
        const [left, top] = [boxes[at] * scale + x, boxes[at + 1] * scale + y];
        // Never thinner than a pixel.
        const wide = Math.max(1, (boxes[at + 2] - boxes[at]) * scale);
        const high = Math.max(1, (boxes[at + 3] - boxes[at + 1]) * scale);
        if (scale >= ROUND) pen.roundRect(left, top, wide, high, 8 * scale);
        else pen.fillRect(left, top, wide, high);
        drawn++;
      }
      if (scale >= ROUND) pen.fill();
    }
    // What is drawn, for whoever looks from outside.
    Object.assign(canvas.dataset, { nodes: drawn, ...lines });
    this.events.moved({ x, y, scale });
  }

  /** How large the drawing is, in pixels of the page, and how many of the screen's these are. */
  size() {
    return { width: this.container.clientWidth, height: this.container.clientHeight, ratio: Math.min(2, devicePixelRatio || 1) };
  }

  /** Whether the canvas has not the size that it should have. */
  isResized() {
    const { width, height, ratio } = this.size();
    return this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio);
  }

  /** The part of the layout that is seen. */
  seen() {
    const { width, height } = this.size();
    const [x1, y1] = this.camera.invert([0, 0]);
    const [x2, y2] = this.camera.invert([width, height]);
    return { x1, y1, x2, y2 };
  }

  /** The node under the pointer, or null. */
  under(event) {
    const { left, top } = this.container.getBoundingClientRect();
    const [x, y] = this.camera.invert([event.clientX - left, event.clientY - top]);
    const near = NEAR / this.camera.k;
    const { boxes } = this;
    let [best, least] = [null, near * near];
    for (let at = 0; at < boxes.length; at += 4) {
      const dx = Math.max(boxes[at] - x, 0, x - boxes[at + 2]);
      const dy = Math.max(boxes[at + 1] - y, 0, y - boxes[at + 3]);
      if (dx * dx + dy * dy < least) [best, least] = [this.places[at / 4], dx * dx + dy * dy];
    }
    return best;
  }

  hover(place) {
    if (place === this.hovered) return;
    this.hovered = place;
    this.container.style.cursor = place == null ? "" : "pointer";
    this.events.over(place);
  }

  /** Moves the camera: the middle in the layout, and the scale. */
  look(x, y, scale, animate = false) {
    const { width, height } = this.size();
    const to = Math.max(MIN_SCALE, Math.min(MAX_SCALE, scale));
    const camera = zoomIdentity.translate(width / 2 - x * to, height / 2 - y * to).scale(to);
    const moves = animate && !matchMedia("(prefers-reduced-motion: reduce)").matches;
    (moves ? this.target.transition().duration(220) : this.target).call(this.zoomed.transform, camera);
  }

  /** Shows all of the layout. */
  fit(animate = false) {
    let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const { x, y, w, h } of [...this.layout.nodes.values(), ...this.layout.lanes]) {
      x1 = Math.min(x1, x); y1 = Math.min(y1, y); x2 = Math.max(x2, x + w); y2 = Math.max(y2, y + h);
    }
    if (x1 > x2) return;
    const { width, height } = this.size();
    const scale = Math.min((width - 48) / (x2 - x1), (height - 48 - FOOT) / (y2 - y1), 1);
    this.look((x1 + x2) / 2, (y1 + y2) / 2 + FOOT / 2 / scale, scale, animate);
  }

  zoom(factor) {
    const { x1, y1, x2, y2 } = this.seen();
    this.look((x1 + x2) / 2, (y1 + y2) / 2, this.camera.k * factor, true);
  }

  /** Moves a node into the middle of what the panel leaves free, unless it is in sight there. */
  reveal(place, scale) {
    const node = this.layout.nodes.get(place);
    if (!node) return;
    const { width, height } = this.size();
    // On wide screens the panel is on the right, on narrow ones it takes the lower half.
    const free = width > 760 ? { width: width - 350, height } : { width, height: height * 0.45 };
    const now = this.camera;
    const [x, y] = now.apply([node.x + node.w / 2, node.y + node.h / 2]);
    const inside = x > 0 && y > 0 && x + (node.w / 2) * now.k < free.width && y + (node.h / 2) * now.k < free.height;
    if (inside && !(scale && now.k < scale)) return;
    const to = Math.max(now.k, scale ?? now.k);
    const shift = { x: (width - free.width) / 2 / to, y: (height - free.height) / 2 / to };
    this.look(node.x + node.w / 2 + shift.x, node.y + Math.min(node.h, 200) / 2 + shift.y, to, true);
  }

  kill() {
    cancelAnimationFrame(this.frame);
    this.target.interrupt().on(".zoom", null);
    this.resized.disconnect();
  }
}
