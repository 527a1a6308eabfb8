// Values of λ_g on a logarithmic scale, what is flagged along it, and the words for both.

const STEP = 0.02; // of log10: an arrow key
const PAGE = 0.1; // from one value of the path to the next

const times = (scale) => `${Number(scale.toPrecision(3)).toLocaleString("en")}×`;
const count = (number) => Math.round(number).toLocaleString("en");

// Linear in log λ_g, as the server reads a path between its values.
function flaggedAt(path, scale) {
  if (!path) return null;
  const [at, flagged] = [path.scales.map(Math.log10), path.flagged];
  const x = Math.log10(scale);
  if (x <= at[0]) return flagged[0];
  for (let i = 1; i < at.length; i += 1) {
    if (x <= at[i]) return flagged[i - 1] + ((flagged[i] - flagged[i - 1]) * (x - at[i - 1])) / (at[i] - at[i - 1]);
  }
  return flagged[flagged.length - 1];
}

// The curve and the area below it, in a box of 1000 by 100; past its ends the path goes on flat.
function sparkline(path, low, high) {
  const top = Math.max(...path.flagged, 1);
  const x = (scale) => (1000 * (Math.log10(scale) - low)) / (high - low);
  const points = path.scales.map((scale, i) => [x(scale), 98 - (90 * path.flagged[i]) / top]);
  const all = [[0, points[0][1]], ...points, [1000, points[points.length - 1][1]]];
  const line = `M${all.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join("L")}`;
  return { line, area: `${line}L1000,100L0,100Z`, top };
}

// Labels below the track, moved apart where they would meet; the ticks stay where they belong.
function placeMarks(box, marks, part) {
  const width = box.clientWidth;
  const labels = [...box.querySelectorAll(".mark")];
  const wide = labels.map((label) => label.offsetWidth);
  const left = marks.map((mark, i) => part(mark.scale) * width - wide[i] / 2);
  for (let i = 0; i < left.length; i += 1) left[i] = Math.max(left[i], i ? left[i - 1] + wide[i - 1] + 4 : -9);
  for (let i = left.length - 1; i >= 0; i -= 1) {
    const end = i + 1 < left.length ? left[i + 1] - 4 : width + 9;
    left[i] = Math.min(left[i], end - wide[i]);
  }
  labels.forEach((label, i) => label.style.setProperty("left", `${left[i]}px`));
}
