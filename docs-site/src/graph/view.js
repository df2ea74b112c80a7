// The drawing of a layout: sigma draws nodes and edges with WebGL and owns the camera. What is above
// (cards) and below (boxes) is HTML that follows the camera by one transform.
import Graph from "graphology";
import Sigma from "sigma";
import { layerFill, layerPlain, pathLine, sdfRectangle } from "sigma/rendering";
import { WIDTH } from "./layout.js";

/** With more edges than this, they are left out while the camera moves. */
const MANY_EDGES = 4000;

/** How large things are shown at most: pixels for a unit of the layout. */
const MAX_SCALE = 1.6;

// Horizontal where it leaves a node and where it comes to one. `inset` is the part of the way that lies
// within the node at either end, whose middles are `source` and `target`.
const flow = {
  name: "flow",
  segments: 20,
  minBodyLengthRatio: 0,
  uniforms: [],
  attributes: [{ name: "inset", size: 1, type: 5126 }],
  variables: { inset: { type: "number", default: 0 } },
  glsl: `
vec2 path_flow_position(float t, vec2 source, vec2 target) {
  vec2 inset = vec2((target.x - source.x) * v_inset, 0.0);
  vec2 from = source + inset;
  vec2 to = target - inset;
  if (t < 0.08) return mix(source, from, t / 0.08);
  if (t > 0.92) return mix(to, target, (t - 0.92) / 0.08);
  float s = (t - 0.08) / 0.84;
  vec2 bend = vec2((to.x - from.x) * 0.5, 0.0);
  float r = 1.0 - s;
  return r * r * r * from + 3.0 * r * r * s * (from + bend) + 3.0 * r * s * s * (to - bend) + s * s * s * to;
}`,
};

export class GraphView {
  /** events: {moved(scale), shifted(x, y), picked(place or null), over(place or null)} */
  constructor(container, events) {
    this.container = container;
    this.graph = new Graph({ type: "directed", multi: false });
    this.layout = { nodes: new Map(), edges: [], lanes: [] };
    this.sigma = new Sigma(this.graph, container, {
      primitives: {
        nodes: { shapes: [sdfRectangle({ aspectRatio: { attribute: "aspect", default: 5 }, cornerRadius: 0.09 })], layers: [layerFill()] },
        edges: { paths: [flow, pathLine()], layers: [layerPlain()], extremities: [] },
      },
      styles: {
        nodes: {
          x: { attribute: "x" }, y: { attribute: "y" }, size: { attribute: "size" },
          color: { attribute: "color" }, aspect: { attribute: "aspect" }, cursor: "pointer",
        },
        edges: {
          path: { attribute: "path", defaultValue: "flow" }, size: { attribute: "size" }, color: { attribute: "color" },
          inset: { attribute: "inset" }, opacity: { attribute: "opacity", defaultValue: 1 },
        },
      },
      settings: {
        autoRescale: false,
        itemSizesReference: "positions",
        zoomToSizeRatioFunction: (ratio) => ratio,
        renderLabels: false,
        enableEdgeEvents: false,
        enableCameraRotation: false,
        stagePadding: 0,
        minEdgeThickness: 1,
        minCameraRatio: 1 / MAX_SCALE,
        maxCameraRatio: 400,
        zoomDuration: 120,
        zoomingRatio: 1.35,
        doubleClickZoomingRatio: 1,
        allowInvalidContainer: true,
      },
    });
    this.sigma.on("afterRender", () => events.moved(this.transform()));
    this.sigma.on("clickNode", ({ node }) => events.picked(Number(node)));
    this.sigma.on("clickStage", () => events.picked(null));
    this.sigma.on("enterNode", ({ node }) => events.over(Number(node)));
    this.sigma.on("leaveNode", () => events.over(null));
    this.dragAsPicture(events);
  }

  /** A crowded drawing is moved as a picture while the pointer drags it, and drawn anew once it lets go. */
  dragAsPicture(events) {
    let from = null;
    const camera = this.sigma.getCamera();
    const shift = (x, y) => {
      this.container.style.translate = x || y ? `${x}px ${y}px` : "";
      events.shifted(x, y);
    };
    const moved = (event) => from && shift(event.clientX - from.x, event.clientY - from.y);
    const ended = (event) => {
      if (!from) return;
      const [x, y] = [event.clientX - from.x, event.clientY - from.y];
      from = null;
      camera.enabledPanning = true;
      if (!x && !y) return;
      const { width, height } = this.sigma.getDimensions();
      this.sigma.once("afterRender", () => shift(0, 0));
      camera.setState(this.sigma.viewportToFramedGraph({ x: width / 2 - x, y: height / 2 - y }));
    };
    const pressed = (event) => {
      if (event.button !== 0 || !this.crowded || !this.container.contains(event.target)) return;
      // A second finger zooms.
      from = event.isPrimary ? { x: event.clientX, y: event.clientY } : null;
      camera.enabledPanning = !from;
      if (!from) shift(0, 0);
    };
    // Before sigma sees them.
    this.listeners = [["pointerdown", pressed], ["pointermove", moved], ["pointerup", ended], ["pointercancel", ended]];
    for (const [name, listener] of this.listeners) addEventListener(name, listener, true);
  }

  /** Draws a layout: colorOf(place), edgeOf(from, to) → {color, size}. Of a large one the nodes come first. */
  show(layout, { colorOf, edgeOf }) {
    clearTimeout(this.later);
    this.layout = layout;
    const crowded = layout.edges.length > MANY_EDGES;
    this.crowded = crowded;
    this.sigma.setSetting("hideEdgesOnMove", crowded);
    this.draw(colorOf, crowded ? null : edgeOf);
    // What is drawn now may be of other colours then.
    if (crowded) this.later = setTimeout(() => this.draw(this.colors?.colorOf ?? colorOf, this.colors?.edgeOf ?? edgeOf), 250);
  }

  draw(colorOf, edgeOf) {
    const { nodes, edges } = this.layout;
    const crowded = edges.length > MANY_EDGES;
    const graph = new Graph({ type: "directed", multi: false });
    for (const [place, { x, y, w, h }] of nodes) {
      graph.addNode(place, { x: x + w / 2, y: -(y + h / 2), size: w / 2, aspect: w / h, color: colorOf(place) });
    }
    const kind = crowded ? { opacity: 0.3, path: "straight" } : { opacity: 1, path: "flow" };
    for (const [from, to] of edgeOf ? edges : []) {
      const way = Math.abs(nodes.get(to).x - nodes.get(from).x) || 1;
      graph.addDirectedEdge(from, to, { inset: Math.min(0.49, WIDTH / 2 / way), ...kind, ...edgeOf(from, to) });
    }
    this.graph = graph;
    this.sigma.setGraph(graph);
  }

  /** Other colours for what is drawn. */
  paint({ colorOf, edgeOf }) {
    this.colors = { colorOf, edgeOf };
    this.graph.updateEachNodeAttributes((place, attributes) => Object.assign(attributes, { color: colorOf(Number(place)) }), { attributes: ["color"] });
    this.graph.updateEachEdgeAttributes((edge, attributes, from, to) => Object.assign(attributes, edgeOf(Number(from), Number(to))), { attributes: ["color", "size"] });
  }

  /** Where the layout's origin lies in the container, and how many pixels a unit has. */
  transform() {
    const zero = this.sigma.graphToViewport({ x: 0, y: 0 });
    const far = this.sigma.graphToViewport({ x: 1000, y: 0 });
    return { x: zero.x, y: zero.y, scale: (far.x - zero.x) / 1000 };
  }

  /** The part of the layout that is seen. */
  seen() {
    const { x, y, scale } = this.transform();
    const { width, height } = this.sigma.getDimensions();
    return { x1: -x / scale, y1: -y / scale, x2: (width - x) / scale, y2: (height - y) / scale };
  }

  /** Moves the camera: the middle in the layout, and the scale. */
  look(x, y, scale, animate = false) {
    const state = { ...this.sigma.graphToFramedGraph({ x, y: -y }), ratio: 1 / Math.min(scale, MAX_SCALE), angle: 0 };
    const camera = this.sigma.getCamera();
    if (animate && !matchMedia("(prefers-reduced-motion: reduce)").matches) camera.animate(state, { duration: 220 });
    else camera.setState(state);
  }

  /** Shows all of the layout. */
  fit(animate = false) {
    let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const { x, y, w, h } of [...this.layout.nodes.values(), ...this.layout.lanes]) {
      x1 = Math.min(x1, x); y1 = Math.min(y1, y); x2 = Math.max(x2, x + w); y2 = Math.max(y2, y + h);
    }
    if (x1 > x2) return;
    const { width, height } = this.sigma.getDimensions();
    const scale = Math.min((width - 48) / (x2 - x1), (height - 48) / (y2 - y1), 1);
    this.look((x1 + x2) / 2, (y1 + y2) / 2, scale, animate);
  }

  zoom(factor) {
    const { width, height } = this.sigma.getDimensions();
    const { x, y, scale } = this.transform();
    this.look((width / 2 - x) / scale, (height / 2 - y) / scale, scale * factor, true);
  }

  /** Moves a node into the middle of what the panel leaves free, unless it is in sight there. */
  reveal(place, scale) {
    const node = this.layout.nodes.get(place);
    if (!node) return;
    const { width, height } = this.sigma.getDimensions();
    // On wide screens the panel is on the right, on narrow ones it takes the lower half.
    const free = width > 760 ? { width: width - 350, height } : { width, height: height * 0.45 };
    const now = this.transform();
    const [x, y] = [now.x + (node.x + node.w / 2) * now.scale, now.y + (node.y + node.h / 2) * now.scale];
    const inside = x > 0 && y > 0 && x + (node.w / 2) * now.scale < free.width && y + (node.h / 2) * now.scale < free.height;
    if (inside && !(scale && now.scale < scale)) return;
    const to = Math.max(now.scale, scale ?? now.scale);
    const shift = { x: (width - free.width) / 2 / to, y: (height - free.height) / 2 / to };
    this.look(node.x + node.w / 2 + shift.x, node.y + Math.min(node.h, 200) / 2 + shift.y, to, true);
  }

  /** HTML above the drawing that follows it: events go on to the camera. */
  over() {
    return this.sigma.getMouseLayer();
  }

  kill() {
    clearTimeout(this.later);
    for (const [name, listener] of this.listeners) removeEventListener(name, listener, true);
    this.sigma.kill();
  }
}
