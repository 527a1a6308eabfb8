// A uniform grid over the points: where do they lie, and which are near the pointer?

const buildIndex = (xy, n) => {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < n; i++) {
    x0 = Math.min(x0, xy[2 * i]); x1 = Math.max(x1, xy[2 * i]);
    y0 = Math.min(y0, xy[2 * i + 1]); y1 = Math.max(y1, xy[2 * i + 1]);
  }
  const side = Math.max(1, Math.min(512, Math.ceil(Math.sqrt(n / 4))));
  const cell = Math.max(x1 - x0, y1 - y0, 1e-9) / side;
  const at = (v, low) => Math.max(0, Math.min(side - 1, Math.floor((v - low) / cell)));
  const start = new Uint32Array(side * side + 1);
  const home = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    home[i] = at(xy[2 * i + 1], y0) * side + at(xy[2 * i], x0);
    start[home[i] + 1]++;
  }
  for (let c = 0; c < side * side; c++) start[c + 1] += start[c];
  const next = start.slice();
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[next[home[i]]++] = i;
  const nearest = (x, y, radius, shown) => {
    let [best, distance] = [-1, radius * radius];
    for (let row = at(y - radius, y0); row <= at(y + radius, y0); row++) {
      for (let column = at(x - radius, x0); column <= at(x + radius, x0); column++) {
        const c = row * side + column;
        for (let k = start[c]; k < start[c + 1]; k++) {
          const i = order[k];
          const d = (xy[2 * i] - x) ** 2 + (xy[2 * i + 1] - y) ** 2;
          if (d <= distance && shown[i]) [best, distance] = [i, d];
        }
      }
    }
    return best;
  };
  return { bounds: [x0, y0, x1, y1], nearest };
};

// Item ids travel as eight bytes each.
const idOf = (ids, i) =>
  Array.from(ids.subarray(8 * i, 8 * i + 8), (byte) => byte.toString(16).padStart(2, "0")).join("");

const rowOf = (ids, id) => {
  if (!/^[0-9a-f]{16}$/.test(id ?? "")) return -1;
  const wanted = Uint8Array.from({ length: 8 }, (_, b) => parseInt(id.slice(2 * b, 2 * b + 2), 16));
  for (let i = 0; i < ids.length; i += 8) {
    if (ids[i] === wanted[0] && wanted.every((byte, b) => ids[i + b] === byte)) return i / 8;
  }
  return -1;
};
