// Draws the points straight into a pixel buffer. The same code serves 1,200 and 200,000 points,
// with or without a GPU: copying a sprite of a few pixels costs less than a canvas call a point.

const FULL = 0, FAINT = 1, GONE = 2; // how strongly a mark is drawn
const STEP_OF_RADIUS = 0.25; // px; zooming then finds most sprites made already

const outline = (g, c, triangle, r) => {
  g.beginPath();
  if (triangle) {
    g.moveTo(c, c - r * 1.3);
    g.lineTo(c + r * 1.17, c + r * 0.86);
    g.lineTo(c - r * 1.17, c + r * 0.86);
    g.closePath();
  } else g.arc(c, c, r, 0, 2 * Math.PI);
};

// One kind of mark (see marks.js) in one colour, as flat lists over its pixels.
const drawSprite = (width, { radius, ratio, halo, background, foreground, opacity }, kind, colour, strength) => {
  const triangle = kind & TRIANGLE;
  // In a crowd of tiny dots the few that matter are drawn larger.
  let r = triangle ? Math.max(radius, Math.min(2.6 * ratio, radius * 1.6)) : radius;
  if (kind & REVIEWED) r = Math.max(r, 2.8 * ratio);
  const side = 2 * Math.ceil(r * 1.4 + 4 * ratio) + 1;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const g = canvas.getContext("2d", { willReadFrequently: true });
  g.lineJoin = "round";
  const c = side / 2;
  outline(g, c, triangle, r);
  g.globalAlpha = strength === FULL ? (triangle ? 0.95 : opacity) : strength === FAINT ? 0.22 : 0.12;
  g.fillStyle = css(colour);
  g.fill();
  if (strength === FULL) {
    if (r > 2.3 * ratio) {
      [g.globalAlpha, g.lineWidth, g.strokeStyle] = [0.8, 0.9 * ratio, css(mix(colour, foreground, 0.45))];
      g.stroke();
    }
    g.globalAlpha = 1;
    if (kind & REVIEWED) {
      g.beginPath();
      g.arc(c, c + (triangle ? r * 0.15 : 0), r * 0.45, 0, 2 * Math.PI);
      g.fillStyle = css(background);
      g.fill();
    }
    if ((kind & CHOSEN) && halo) {
      outline(g, c, triangle, r + 1.6 * ratio);
      [g.globalAlpha, g.lineWidth, g.strokeStyle] = [0.9, 1.6 * ratio, css(foreground)];
      g.stroke();
    }
  }
  const data = g.getImageData(0, 0, side, side).data;
  const half = side >> 1;
  const pixels = [];
  for (let p = 0; p < data.length; p += 4) {
    if (data[p + 3] < 6) continue;
    const [x, y] = [((p / 4) % side) - half, Math.floor(p / 4 / side) - half];
    pixels.push([4 * (y * width + x), data[p], data[p + 1], data[p + 2], data[p + 3], x, y]);
  }
  const list = (at, Type) => Type.from(pixels, (pixel) => pixel[at]);
  return { half, offset: list(0, Int32Array), r: list(1, Uint8Array), g: list(2, Uint8Array),
    b: list(3, Uint8Array), a: list(4, Uint8Array), dx: list(5, Int16Array), dy: list(6, Int16Array) };
};

// Blend a sprite, centred on device pixel (x, y), into RGBA `pixels`.
const blend = (pixels, width, height, sprite, x, y) => {
  const { half, offset, r, g, b, a } = sprite;
  const centre = 4 * (y * width + x);
  const whole = x >= half && y >= half && x < width - half && y < height - half;
  for (let k = 0; k < offset.length; k++) {
    if (!whole) {
      const [px, py] = [x + sprite.dx[k], y + sprite.dy[k]];
      if (px < 0 || py < 0 || px >= width || py >= height) continue;
    }
    const p = centre + offset[k];
    pixels[p] += ((r[k] - pixels[p]) * a[k]) >> 8;
    pixels[p + 1] += ((g[k] - pixels[p + 1]) * a[k]) >> 8;
    pixels[p + 2] += ((b[k] - pixels[p + 2]) * a[k]) >> 8;
  }
};

class Raster {
  constructor() {
    [this.key, this.sprites] = ["", []];
  }

  // Paint every mark. `view` maps data to device pixels: x·k + tx, ty − y·k.
  paint(canvas, xy, marks, look, view) {
    const { width, height } = canvas;
    const radius = Math.round(look.radius / STEP_OF_RADIUS) * STEP_OF_RADIUS;
    const style = { ...look, radius };
    const key = JSON.stringify([width, style]);
    if (key !== this.key) [this.key, this.sprites] = [key, []];
    const g = canvas.getContext("2d");
    const image = g.createImageData(width, height);
    const pixels = image.data;
    const [red, green, blue] = style.background;
    new Uint32Array(pixels.buffer).fill(((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0);
    const { order, kinds, tones, selected, lit } = marks;
    const { k, tx, ty } = view;
    const { sprites } = this;
    const many = style.colours.length;
    const margin = 24 * style.ratio;
    for (let o = 0; o < order.length; o++) {
      const i = order[o];
      const x = xy[2 * i] * k + tx;
      const y = ty - xy[2 * i + 1] * k;
      if (x < -margin || y < -margin || x > width + margin || y > height + margin) continue;
      const kind = kinds[i];
      const strength = selected && !(kind & CHOSEN) ? FAINT : lit && !lit(i) ? GONE : FULL;
      const at = (kind * 3 + strength) * many + tones[i];
      const sprite = (sprites[at] ??= drawSprite(width, style, kind, style.colours[tones[i]], strength));
      blend(pixels, width, height, sprite, Math.round(x), Math.round(y));
    }
    g.putImageData(image, 0, 0);
  }
}
