// A layered layout: left to right by depth, each box of nodes in a lane of its own, so that boxes do not
// overlap. Within a lane nodes are ordered by what they are connected with. Linear but for sorting.

export const WIDTH = 208;
export const HEIGHT = 38;
const GAP_X = 88;
const GAP_Y = 14;
const LANE_GAP = 34;
const LANE_HEAD = 40;
const PASSES = 4;

/**
 * Positions of nodes.
 *
 * places: the nodes that are shown; parentsOf(place): all that a node reads; laneOf(place): the name of
 * its box or null; heightOf(place): its height.
 * Gives {nodes: Map(place → {x, y, w, h, layer}), lanes: [{name, x, y, w, h}], edges: [[from, to]]},
 * with x and y of the upper left corner.
 */
export function layout({ places, parentsOf, laneOf, heightOf }) {
  // From here on nodes are numbers: where they stand in `places`.
  const numbers = new Map(places.map((place, node) => [place, node]));
  const parents = [];
  const children = places.map(() => []);
  const edges = [];
  places.forEach((place, node) => {
    const own = [];
    for (const other of parentsOf(place)) {
      const parent = numbers.get(other);
      if (parent === undefined || parent === node) continue;
      own.push(parent);
      children[parent].push(node);
      edges.push([other, place]);
    }
    parents.push(own);
  });
  const layers = depths(parents, children);
  const nameOf = places.map(laneOf);
  const { names, laneAt } = laneOrder(nameOf, parents, children);

  // Cells: the nodes of a lane in a layer, in order.
  const cells = names.map(() => new Map());
  laneAt.forEach((lane, node) => {
    const cell = cells[lane];
    if (!cell.has(layers[node])) cell.set(layers[node], []);
    cell.get(layers[node]).push(node);
  });
  order(cells, layers, parents, children);

  // A cell with many nodes is wrapped into several columns, so that the whole is not a thin strip.
  const most = rowsPerColumn(cells);
  const columns = [];
  for (const cell of cells) {
    for (const [layer, list] of cell) columns[layer] = Math.max(columns[layer] ?? 1, Math.ceil(list.length / most));
  }
  const left = [];
  let x = 0;
  for (let layer = 0; layer < columns.length; layer++) {
    left[layer] = x;
    const count = columns[layer] ?? 1;
    x += count * WIDTH + (count - 1) * 18 + GAP_X + Math.min(120, 2 * count);
  }

  const drawn = new Array(places.length);
  let top = 0;
  const boxes = [];
  cells.forEach((cell, lane) => {
    const name = names[lane];
    const begin = top + (name ? LANE_HEAD : 0);
    let height = 0;
    const stacks = [];
    for (const [layer, list] of cell) {
      for (let at = 0; at < list.length; at += most) {
        const stack = list.slice(at, at + most);
        let y = 0;
        for (const node of stack) {
          const h = heightOf(places[node]);
          drawn[node] = { x: left[layer] + Math.floor(at / most) * (WIDTH + 18), y, w: WIDTH, h, layer };
          y += h + GAP_Y;
        }
        height = Math.max(height, y - GAP_Y);
        stacks.push(stack);
      }
    }
    settle(stacks, drawn, height, laneAt, parents, children);
    for (const stack of stacks) for (const node of stack) drawn[node].y += begin;
    if (name) {
      const own = stacks.flat().filter((node) => nameOf[node] === name).map((node) => drawn[node]);
      const x1 = minmax(own, (n) => n.x)[0];
      const x2 = minmax(own, (n) => n.x + n.w)[1];
      boxes.push({ name, x: x1 - 16, y: top, w: x2 - x1 + 32, h: height + LANE_HEAD + 16 });
    }
    top = begin + height + LANE_GAP;
  });
  // In the order in which they were laid out.
  const nodes = new Map();
  for (const cell of cells) for (const list of cell.values()) for (const node of list) nodes.set(places[node], drawn[node]);
  return { nodes, lanes: boxes, edges };
}

function minmax(list, of) {
  let low = Infinity;
  let high = -Infinity;
  for (const one of list) {
    low = Math.min(low, of(one));
    high = Math.max(high, of(one));
  }
  return [low, high];
}

/** The longest way from a node without parents; those without parents come right before their readers. */
function depths(parents, children) {
  const layers = new Int32Array(parents.length);
  const missing = parents.map((own) => own.length);
  const queue = [...parents.keys()].filter((node) => missing[node] === 0);
  for (const node of queue) {
    for (const child of children[node]) {
      layers[child] = Math.max(layers[child], layers[node] + 1);
      if (--missing[child] === 0) queue.push(child);
    }
  }
  parents.forEach((own, node) => {
    const readers = children[node];
    if (own.length === 0 && readers.length) layers[node] = readers.reduce((low, child) => Math.min(low, layers[child]), Infinity) - 1;
  });
  return layers;
}

/** The lanes in order, and which of them each node is in. What is in no box goes with its neighbours. */
function laneOrder(nameOf, parents, children) {
  const numbers = new Map();
  for (const name of nameOf) if (name != null && !numbers.has(name)) numbers.set(name, numbers.size);
  const names = [...numbers.keys()];
  chain(names, numbers, nameOf, parents);
  const laneAt = nameOf.map((name) => (name == null ? -1 : numbers.get(name)));
  const adopt = (node) => {
    const votes = new Map();
    for (const other of [...children[node], ...parents[node]]) {
      const lane = laneAt[other];
      if (lane >= 0) votes.set(lane, (votes.get(lane) ?? 0) + 1);
    }
    const best = [...votes].sort((a, b) => b[1] - a[1])[0];
    if (best) laneAt[node] = best[0];
    return Boolean(best);
  };
  const loose = [...laneAt.keys()].filter((node) => laneAt[node] < 0);
  // Twice, for what only touches others that are in no box.
  const rest = loose.filter((node) => !adopt(node)).filter((node) => !adopt(node));
  if (rest.length) {
    const own = names.push(null) - 1;
    for (const node of rest) laneAt[node] = own;
  }
  return { names, laneAt };
}

/** Orders boxes so that those with many edges between them are next to each other. */
function chain(names, numbers, nameOf, parents) {
  if (names.length < 3) return;
  const ties = names.map(() => new Float64Array(names.length));
  parents.forEach((parents, node) => {
    const own = numbers.get(nameOf[node]);
    if (own === undefined) return;
    for (const parent of parents) {
      const other = numbers.get(nameOf[parent]);
      if (other !== undefined && other !== own) { ties[own][other]++; ties[other][own]++; }
    }
  });
  const all = ties.map((row) => row.reduce((sum, one) => sum + one, 0));
  const rest = new Set(names.keys());
  const last = all.indexOf(Math.max(...all));
  // From the one that is tied the most, at both ends in turn.
  const chained = [last];
  rest.delete(last);
  while (rest.size) {
    const ends = [chained[0], chained.at(-1)];
    let best = null;
    for (const at of rest) {
      for (const [side, end] of ends.entries()) if (!best || ties[end][at] > best.tie) best = { at, side, tie: ties[end][at] };
    }
    if (best.side === 0 && best.tie > 0) chained.unshift(best.at);
    else chained.push(best.at);
    rest.delete(best.at);
  }
  const sorted = chained.map((at) => names[at]);
  names.splice(0, names.length, ...sorted);
  sorted.forEach((name, at) => numbers.set(name, at));
}

/** Orders the nodes of each cell by the mean place of their neighbours, forth and back. */
function order(cells, layers, parents, children) {
  const rank = new Float64Array(layers.length);
  const mean = new Float64Array(layers.length);
  const place = () => {
    const perLayer = [];
    for (const cell of cells) {
      for (const [layer, list] of cell) {
        const from = perLayer[layer] ?? 0;
        list.forEach((node, at) => { rank[node] = from + at; });
        perLayer[layer] = from + list.length;
      }
    }
    for (let node = 0; node < rank.length; node++) rank[node] /= Math.max(1, perLayer[layers[node]] - 1);
  };
  place();
  for (let pass = 0; pass < PASSES; pass++) {
    const near = pass % 2 === 0 ? parents : children;
    for (const cell of cells) {
      for (const list of cell.values()) {
        for (const node of list) {
          const others = near[node];
          let sum = 0;
          for (const other of others) sum += rank[other];
          mean[node] = others.length ? sum / others.length : rank[node];
        }
        list.sort((a, b) => mean[a] - mean[b]);
      }
    }
    place();
  }
}

/** The shape that the whole should have, as width by height, where it is large. */
const SHAPE = 1.7;

/** How many nodes stand on top of each other at most: all of them where they are few. */
function rowsPerColumn(cells) {
  const sizes = cells.map((cell) => [...cell].map(([layer, list]) => [layer, list.length]));
  const all = sizes.flat().reduce((sum, [, size]) => sum + size, 0);
  if (all < 400) return 60;
  const shape = (most) => {
    const columns = [];
    let height = 0;
    for (const lane of sizes) {
      let rows = 0;
      for (const [layer, size] of lane) {
        columns[layer] = Math.max(columns[layer] ?? 1, Math.ceil(size / most));
        rows = Math.max(rows, Math.min(size, most));
      }
      height += rows * (HEIGHT + GAP_Y) + LANE_GAP + LANE_HEAD;
    }
    return columns.reduce((sum, count) => sum + count * (WIDTH + 18) + GAP_X, 0) / height;
  };
  let most = 12;
  while (most < all && shape(most) > SHAPE) most = Math.ceil(most * 1.25);
  return most;
}

/** Moves the nodes of stacks towards their neighbours, as far as order and height allow. */
function settle(stacks, drawn, height, laneAt, parents, children) {
  const inLane = (edges) => stacks.map((stack) => stack.map((node) => edges[node].filter((other) => laneAt[other] === laneAt[node])));
  const ways = [inLane(parents), inLane(children)];
  for (let pass = 0; pass < 6; pass++) {
    const near = ways[pass % 2];
    stacks.forEach((stack, number) => {
      // Downwards each at its wish or below the one before, then back up from the end.
      const wanted = stack.map((node, at) => {
        const others = near[number][at];
        const own = drawn[node];
        if (!others.length) return own.y;
        let sum = 0;
        for (const other of others) sum += drawn[other].y + drawn[other].h / 2;
        return sum / others.length - own.h / 2;
      });
      let y = 0;
      stack.forEach((node, at) => {
        const own = drawn[node];
        own.y = Math.max(y, wanted[at]);
        y = own.y + own.h + GAP_Y;
      });
      let end = height;
      for (let at = stack.length - 1; at >= 0; at--) {
        const own = drawn[stack[at]];
        own.y = Math.min(own.y, end - own.h);
        end = own.y - GAP_Y;
      }
    });
  }
}
