// What each point looks like: worked out once for a colouring and a filter, so that moving the map
// only has to place the marks.

const TRIANGLE = 1, REVIEWED = 2, CHOSEN = 4; // bits of a mark's kind

// Is point i drawn? As one array, since pointing, counting and painting all ask.
const shownOf = (n, groups, hidden) => {
  const shown = new Uint8Array(n).fill(1);
  for (const [name, codes] of Object.entries(groups)) {
    const off = hidden.get(name);
    if (!off?.size || !codes) continue;
    for (let i = 0; i < n; i++) if (off.has(codes[i])) shown[i] = 0;
  }
  return shown;
};

// Index into the colours of a channel for every point: its entries, or the ramp and one more.
const tonesOf = (channel) => {
  if (!channel.values) return channel.codes;
  const { values, low, span: [from, to] } = channel;
  return Uint8Array.from(values, (v) => {
    if (Number.isNaN(v)) return LEVELS;
    const part = Math.max(0, Math.min((v - from) / (to - from), 1));
    return Math.round((low ? part : 1 - part) * (LEVELS - 1));
  });
};

// The marks in the order they are drawn: clean below flagged below selected, so that what matters
// is never covered.
const buildMarks = ({ n, flagged, reviewed, selected, shown, tones, lit }) => {
  const kinds = new Uint8Array(n);
  const counts = new Uint32Array(9);
  for (let i = 0; i < n; i++) {
    kinds[i] = (flagged?.[i] ? TRIANGLE : 0) | (reviewed?.[i] ? REVIEWED : 0) | (selected?.[i] ? CHOSEN : 0);
    if (shown[i]) counts[kinds[i] + 1]++;
  }
  for (let k = 1; k < counts.length; k++) counts[k] += counts[k - 1];
  const order = new Uint32Array(counts[8]);
  const next = counts.slice();
  for (let i = 0; i < n; i++) if (shown[i]) order[next[kinds[i]]++] = i;
  return { order, kinds, tones, selected, lit };
};
