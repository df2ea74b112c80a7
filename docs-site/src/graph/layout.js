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
  const shown = new Set(places);
  const parents = new Map();
  const children = new Map(places.map((place) => [place, []]));
  const edges = [];
  for (const place of places) {
    const own = parentsOf(place).filter((parent) => shown.has(parent) && parent !== place);
    parents.set(place, own);
    for (const parent of own) {
      children.get(parent).push(place);
      edges.push([parent, place]);
    }
  }
  const layers = depths(places, parents, children);
  const lanes = laneOrder(places, parents, children, laneOf, layers);

  // Cells: the nodes of a lane in a layer, in order.
  const cells = lanes.map(() => new Map());
  for (const place of places) {
    const cell = cells[lanes.of.get(place)];
    const layer = layers.get(place);
    if (!cell.has(layer)) cell.set(layer, []);
    cell.get(layer).push(place);
  }
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

  const nodes = new Map();
  let top = 0;
  const boxes = [];
  cells.forEach((cell, lane) => {
    const name = lanes[lane];
    const begin = top + (name ? LANE_HEAD : 0);
    let height = 0;
    const stacks = [];
    for (const [layer, list] of cell) {
      for (let at = 0; at < list.length; at += most) {
        const stack = list.slice(at, at + most);
        let y = 0;
        for (const place of stack) {
          const h = heightOf(place);
          nodes.set(place, { x: left[layer] + Math.floor(at / most) * (WIDTH + 18), y, w: WIDTH, h, layer });
          y += h + GAP_Y;
        }
        height = Math.max(height, y - GAP_Y);
        stacks.push({ layer, stack });
      }
    }
    settle(stacks, nodes, height, parents, children);
    for (const { stack } of stacks) for (const place of stack) nodes.get(place).y += begin;
    if (name) {
      const own = [...cell.values()].flat().filter((place) => laneOf(place) === name).map((place) => nodes.get(place));
      const x1 = Math.min(...minmax(own, (n) => n.x));
      const x2 = Math.max(...minmax(own, (n) => n.x + n.w));
      boxes.push({ name, x: x1 - 16, y: top, w: x2 - x1 + 32, h: height + LANE_HEAD + 16 });
    }
    top = begin + height + LANE_GAP;
  });
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
function depths(places, parents, children) {
  const layers = new Map();
  const missing = new Map(places.map((place) => [place, parents.get(place).length]));
  const queue = places.filter((place) => missing.get(place) === 0);
  for (const place of queue) layers.set(place, 0);
  for (let at = 0; at < queue.length; at++) {
    const place = queue[at];
    for (const child of children.get(place)) {
      layers.set(child, Math.max(layers.get(child) ?? 0, layers.get(place) + 1));
      missing.set(child, missing.get(child) - 1);
      if (missing.get(child) === 0) queue.push(child);
    }
  }
  for (const place of places) {
    const own = children.get(place);
    if (parents.get(place).length === 0 && own.length) {
      layers.set(place, own.reduce((low, child) => Math.min(low, layers.get(child)), Infinity) - 1);
    }
  }
  return layers;
}

/** The lanes in order; `of` tells the lane of each node. What is in no box goes with its neighbours. */
function laneOrder(places, parents, children, laneOf, layers) {
  const names = [];
  const numbers = new Map();
  const weight = new Map();
  for (const place of places) {
    const name = laneOf(place);
    if (name == null) continue;
    if (!numbers.has(name)) numbers.set(name, names.push(name) - 1);
    const sum = weight.get(name) ?? [0, 0];
    weight.set(name, [sum[0] + layers.get(place), sum[1] + 1]);
  }
  chain(names, numbers, places, parents, laneOf);
  const of = new Map();
  const loose = [];
  for (const place of places) {
    const name = laneOf(place);
    if (name != null) of.set(place, numbers.get(name));
    else loose.push(place);
  }
  const adopt = (place) => {
    const votes = new Map();
    for (const other of [...children.get(place), ...parents.get(place)]) {
      if (of.has(other)) votes.set(of.get(other), (votes.get(of.get(other)) ?? 0) + 1);
    }
    const best = [...votes].sort((a, b) => b[1] - a[1])[0];
    if (best) of.set(place, best[0]);
    return Boolean(best);
  };
  // Twice, for what only touches others that are in no box.
  const rest = loose.filter((place) => !adopt(place)).filter((place) => !adopt(place));
  if (rest.length) {
    const own = names.push(null) - 1;
    for (const place of rest) of.set(place, own);
  }
  names.of = of;
  return names;
}

/** Orders boxes so that those with many edges between them are next to each other. */
function chain(names, numbers, places, parents, laneOf) {
  if (names.length < 3) return;
  const ties = names.map(() => new Float64Array(names.length));
  for (const place of places) {
    const own = numbers.get(laneOf(place));
    if (own === undefined) continue;
    for (const parent of parents.get(place)) {
      const other = numbers.get(laneOf(parent));
      if (other !== undefined && other !== own) { ties[own][other]++; ties[other][own]++; }
    }
  }
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
  const rank = new Map();
  const perLayer = [];
  const place = () => {
    perLayer.length = 0;
    cells.forEach((cell) => {
      for (const [layer, list] of cell) {
        const from = perLayer[layer] ?? 0;
        list.forEach((one, at) => rank.set(one, from + at));
        perLayer[layer] = from + list.length;
      }
    });
    for (const [one, at] of rank) rank.set(one, at / Math.max(1, perLayer[layers.get(one)] - 1));
  };
  place();
  for (let pass = 0; pass < PASSES; pass++) {
    const near = pass % 2 === 0 ? parents : children;
    for (const cell of cells) {
      for (const list of cell.values()) {
        const mean = new Map(
          list.map((one) => {
            const others = near.get(one);
            let sum = 0;
            for (const other of others) sum += rank.get(other);
            return [one, others.length ? sum / others.length : rank.get(one)];
          }),
        );
        list.sort((a, b) => mean.get(a) - mean.get(b));
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
function settle(stacks, nodes, height, parents, children) {
  const inLane = new Set(stacks.flatMap(({ stack }) => stack));
  const middle = (place) => nodes.get(place).y + nodes.get(place).h / 2;
  for (let pass = 0; pass < 6; pass++) {
    const near = pass % 2 === 0 ? parents : children;
    for (const { stack } of stacks) {
      const wanted = stack.map((place) => {
        const others = near.get(place).filter((other) => inLane.has(other));
        if (!others.length) return nodes.get(place).y;
        return others.reduce((sum, other) => sum + middle(other), 0) / others.length - nodes.get(place).h / 2;
      });
      // Downwards each at its wish or below the one before, then back up from the end.
      let y = 0;
      stack.forEach((place, at) => {
        const node = nodes.get(place);
        node.y = Math.max(y, wanted[at]);
        y = node.y + node.h + GAP_Y;
      });
      let end = height;
      for (let at = stack.length - 1; at >= 0; at--) {
        const node = nodes.get(stack[at]);
        node.y = Math.min(node.y, end - node.h);
        end = node.y - GAP_Y;
      }
    }
  }
}
