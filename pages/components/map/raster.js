// Draws the points straight into a pixel buffer. The same code serves 1,200 and 200,000 points,
// with or without a GPU: a stamp of a few pixels per point costs less than a canvas call per point.

const parseColour = (css) => {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  probe.fillStyle = css;
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
};

const mix = (a, b, t) => a.map((x, i) => Math.round(x + (b[i] - x) * t));

const luminance = (rgb) => {
  const lin = rgb.map((x) => ((x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
  return 0.2126 * lin[0] + 0.7152 * lin[1] + 0.0722 * lin[2];
};

const contrast = (a, b) => {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
};

// A palette made for white can vanish on black and the reverse: move towards the text colour
// until the mark can be seen.
const readable = (rgb, background, foreground) => {
  let out = rgb;
  for (let t = 0.1; contrast(out, background) < 1.9 && t <= 0.6; t += 0.1) {
    out = mix(rgb, foreground, t);
  }
  return out;
};

// Coverage masks (0..255) of one mark: its body, and the ring around it.
const makeStamp = (shape, radius, ring) => {
  const side = 2 * Math.ceil(radius + ring + 1) + 1;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const g = canvas.getContext("2d", { willReadFrequently: true });
  const mask = (draw) => {
    g.clearRect(0, 0, side, side);
    g.beginPath();
    const c = side / 2;
    if (shape === 1) {
      const r = radius * 1.3;
      g.moveTo(c, c - r);
      g.lineTo(c + r * 0.9, c + r * 0.66);
      g.lineTo(c - r * 0.9, c + r * 0.66);
      g.closePath();
    } else {
      g.arc(c, c, radius, 0, 2 * Math.PI);
    }
    draw();
    const pixels = g.getImageData(0, 0, side, side).data;
    return Uint8Array.from({ length: side * side }, (_, i) => pixels[4 * i + 3]);
  };
  g.lineWidth = ring;
  g.lineJoin = "round";
  return {
    side,
    body: mask(() => g.fill()),
    edge: ring > 0 ? mask(() => g.stroke()) : null,
  };
};

// Blend one stamp, centred on device pixel (x, y), into RGBA `pixels` of `width` × `height`.
const blend = (pixels, width, height, stamp, mask, x, y, rgb, opacity) => {
  const { side } = stamp;
  const left = Math.round(x) - (side >> 1);
  const top = Math.round(y) - (side >> 1);
  const [first, last] = [Math.max(0, -left), Math.min(side, width - left)];
  const [r, g, b] = rgb;
  for (let row = Math.max(0, -top); row < Math.min(side, height - top); row++) {
    let p = 4 * ((top + row) * width + left + first);
    for (let column = first; column < last; column++, p += 4) {
      const m = row * side + column;
      if (!mask[m]) continue;
      const a = (mask[m] * opacity) / 255;
      pixels[p] += (r - pixels[p]) * a;
      pixels[p + 1] += (g - pixels[p + 1]) * a;
      pixels[p + 2] += (b - pixels[p + 2]) * a;
    }
  }
};

// Paint every visible point. `view` maps data to device pixels: x·k + tx, ty − y·k.
const paint = (canvas, points, style, view) => {
  const { width, height } = canvas;
  const g = canvas.getContext("2d");
  const image = g.createImageData(width, height);
  const pixels = image.data;
  const [r, gr, b] = style.background;
  new Uint32Array(pixels.buffer).fill(((255 << 24) | (b << 16) | (gr << 8) | r) >>> 0);
  const ring = style.radius > 2.6 * style.ratio ? 0.9 * style.ratio : 0;
  const stamps = [0, 1].map((shape) => makeStamp(shape, style.radius, ring));
  const halo = [0, 1].map((shape) => makeStamp(shape, style.radius + 1.2 * style.ratio, 1.6 * style.ratio));
  const edges = style.colours.map((colour) => mix(colour, style.foreground, 0.45));
  const { xy, n, flagged, selected } = points;
  const margin = stamps[1].side;
  // Clean below flagged below selected, so that what matters is never covered.
  const passes = selected ? [[0, 0], [1, 0], [0, 1], [1, 1]] : [[0, 0], [1, 0]];
  for (const [shape, chosen] of passes) {
    for (let i = 0; i < n; i++) {
      if ((flagged ? flagged[i] : 0) !== shape || (selected && selected[i] !== chosen)) continue;
      const x = xy[2 * i] * view.k + view.tx;
      const y = view.ty - xy[2 * i + 1] * view.k;
      if (x < -margin || y < -margin || x > width + margin || y > height + margin) continue;
      if (!style.shown(i)) continue;
      const colour = style.colourOf(i);
      const opacity = selected && !chosen ? 0.22 : style.dimmed(i) ? 0.12 : style.opacity;
      const stamp = stamps[shape];
      blend(pixels, width, height, stamp, stamp.body, x, y, style.colours[colour], opacity);
      if (stamp.edge && opacity > 0.5) blend(pixels, width, height, stamp, stamp.edge, x, y, edges[colour], 0.8);
      if (style.halo && chosen && selected) blend(pixels, width, height, halo[shape], halo[shape].edge, x, y, style.foreground, 0.9);
    }
  }
  g.putImageData(image, 0, 0);
};

// A uniform grid over the points: which ones are near the pointer?
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
          if (d <= distance && shown(i)) [best, distance] = [i, d];
        }
      }
    }
    return best;
  };
  return { bounds: [x0, y0, x1, y1], nearest };
};
