// The edges of a drawing. What is out of sight is left out. Where there are too many to be told apart, those from
// one region to another are drawn as one stream, the broader the more.

/** How many lines are drawn at most. */
const MOST = 1500;

/** Up to how many lines those are drawn, too, that pass by what is in sight. */
const MOST_PASSING = 250;

/** How large a region is on the screen, about, in pixels. */
const REGION = 80;

export class Edges {
  constructor() {
    this.show({ nodes: new Map(), edges: [] });
  }

  /** Takes the edges of a layout; they are drawn once they have colours. */
  show({ nodes, edges }) {
    this.edges = edges;
    // From the right side of a node to the left side of another.
    this.ends = new Float32Array(4 * edges.length);
    edges.forEach(([from, to], at) => {
      const [a, b] = [nodes.get(from), nodes.get(to)];
      this.ends.set([a.x + a.w, a.y + a.h / 2, b.x, b.y + b.h / 2], 4 * at);
    });
    this.styles = [];
    this.styleOf = new Uint8Array();
    this.streams = new Map();
  }

  /** Takes other colours: `edgeOf(from, to)` gives one of a few styles, {color, size, dim, strong}, of an edge. */
  paint(edgeOf) {
    const found = this.edges.map(([from, to]) => edgeOf(from, to));
    // What stands out is drawn last.
    this.styles = [...new Set(found)].sort((a, b) => (b.dim ?? false) - (a.dim ?? false) || a.size - b.size);
    const numbers = new Map(this.styles.map((style, at) => [style, at]));
    this.styleOf = Uint8Array.from(found, (style) => numbers.get(style));
    this.streams = new Map();
  }

  /** Draws what is in sight: the origin of the layout lies at x and y, and a unit has `scale` pixels. Tells what was drawn. */
  draw(pen, { x, y, scale }, { x1: left, y1: top, x2: right, y2: bottom }) {
    const { ends, styleOf, styles } = this;
    const inSight = (px, py) => px > left && px < right && py > top && py < bottom;
    const crosses = (all, at) =>
      Math.min(all[at], all[at + 2]) < right && Math.max(all[at], all[at + 2]) > left && Math.min(all[at + 1], all[at + 3]) < bottom && Math.max(all[at + 1], all[at + 3]) > top;
    const ending = [];
    const passing = [];
    const near = [];
    for (let at = 0; at < styleOf.length; at++) {
      const from = 4 * at;
      if (!crosses(ends, from)) continue;
      if (inSight(ends[from], ends[from + 1]) || inSight(ends[from + 2], ends[from + 3])) ending.push(at);
      else passing.push(at);
      if (styles[styleOf[at]].strong) near.push(at);
    }
    // All of them; else those of nodes in sight, or those of the node that was picked; else streams.
    let lines = null;
    if (ending.length + passing.length <= MOST_PASSING) lines = [...ending, ...passing];
    else if (ending.length <= MOST) lines = ending;
    else if (near.length && near.length <= MOST) lines = near;
    const groups = new Map();
    const add = (style, broad, all, at) => {
      const key = style * 16 + broad;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(all[at] * scale + x, all[at + 1] * scale + y, all[at + 2] * scale + x, all[at + 3] * scale + y);
    };
    let drawn = 0;
    if (lines) {
      for (const at of lines) add(styleOf[at], 0, ends, 4 * at);
      drawn = lines.length;
    } else {
      const { all, about } = this.streamsFor(Math.ceil(Math.log2(REGION / scale)));
      for (let at = 0; at < about.length && drawn < MOST; at++) {
        if (!crosses(all, 4 * at)) continue;
        add(about[at].style, Math.min(9, Math.round(Math.log2(about[at].count))), all, 4 * at);
        drawn++;
      }
    }
    pen.globalAlpha = !lines ? 0.5 : drawn > 400 ? 0.6 : 1;
    for (const [key, list] of [...groups].sort((a, b) => a[0] - b[0])) {
      const style = styles[key >> 4];
      pen.strokeStyle = style.color;
      pen.lineWidth = lines ? Math.max(1, style.size * scale) : 0.7 + 0.55 * (key & 15);
      pen.beginPath();
      for (let at = 0; at < list.length; at += 4) {
        const middle = (list[at] + list[at + 2]) / 2;
        pen.moveTo(list[at], list[at + 1]);
        pen.bezierCurveTo(middle, list[at + 1], middle, list[at + 3], list[at + 2], list[at + 3]);
      }
      pen.stroke();
    }
    pen.globalAlpha = 1;
    return { edges: lines ? drawn : 0, streams: lines ? 0 : drawn };
  }

  /** The streams between regions of 2^level units, the broadest first: {all: their ends, about: [{style, count}]}. */
  streamsFor(level) {
    const known = this.streams.get(level);
    if (known) return known;
    const { ends, styleOf } = this;
    const unit = 2 ** level;
    const region = (value) => Math.floor(value / unit) & 1023;
    const found = new Map();
    for (let at = 0; at < styleOf.length; at++) {
      if (this.styles[styleOf[at]].dim) continue;
      const from = 4 * at;
      const key = (((styleOf[at] * 1024 + region(ends[from])) * 1024 + region(ends[from + 1])) * 1024 + region(ends[from + 2])) * 1024 + region(ends[from + 3]);
      let one = found.get(key);
      if (!one) found.set(key, (one = { style: styleOf[at], count: 0, sum: [0, 0, 0, 0] }));
      one.count++;
      for (let part = 0; part < 4; part++) one.sum[part] += ends[from + part];
    }
    const about = [...found.values()].sort((a, b) => b.count - a.count);
    const all = Float32Array.from(about.flatMap((one) => one.sum.map((part) => part / one.count)));
    const streams = { all, about };
    this.streams.set(level, streams);
    return streams;
  }
}
