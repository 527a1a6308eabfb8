// Colours as [r, g, b] of 0 … 255.

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
const readable = (rgb, look) => {
  let out = rgb;
  for (let t = 0.1; contrast(out, look.background) < 1.9 && t <= 0.6; t += 0.1) {
    out = mix(rgb, look.foreground, t);
  }
  return out;
};

const css = (rgb) => `rgb(${rgb.join(" ")})`;

const LEVELS = 64;

// From what stands out against the background to what recedes, in even steps of lightness.
const rampOf = (stops, look) => {
  const dark = luminance(look.background) < 0.2;
  const tones = (dark ? [...stops].reverse() : stops).map((stop) => readable(parseColour(stop), look));
  return Array.from({ length: LEVELS }, (_, i) => {
    const t = (i / (LEVELS - 1)) * (tones.length - 1);
    const low = Math.min(Math.floor(t), tones.length - 2);
    return mix(tones[low], tones[low + 1], t - low);
  });
};
