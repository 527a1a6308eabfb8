// Small curves as SVG, each with its words. Names come from files, so they are only set as text.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 74;
const TOP = 13;

function create(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text != null) node.textContent = text;
  return node;
}

function draw(parent, tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text != null) node.textContent = text;
  parent.append(node);
  return node;
}

const short = (value) => (Math.abs(value) < 5e-4 ? "0" : `${Number(value.toPrecision(2))}`.replace("-", "−"));
const percent = (share) => (share > 0.995 ? "> 99 %" : share < 0.005 ? "< 1 %" : `${Math.round(100 * share)} %`);

// `axis` names a value of x; `at` is where the curve is read when nothing is pointed at.
function chart({ title, curve, width, axis, at, marks = [], zero = false, alike }) {
  const figure = create("figure");
  const caption = create("figcaption");
  const reading = create("b");
  caption.append(create("span", "", title), reading);
  const svg = document.createElementNS(SVG, "svg");
  const { x, values, low, middle, high } = curve;
  const last = x.length - 1;
  const along = (value) => (last ? Math.log(value / x[0]) / Math.log(x[last] / x[0]) : 0.5);
  const right = (value) => 3 + (width - 6) * Math.max(0, Math.min(1, along(value)));
  const bottom = Math.min(0, ...values, ...low);
  const top = Math.max(...values, ...high, bottom + 1e-9);
  const up = (value) => TOP + (HEIGHT - TOP - 3) * (1 - (value - bottom) / (top - bottom));
  const points = (ys) => ys.map((y, i) => `${right(x[i]).toFixed(1)},${up(y).toFixed(1)}`);

  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", inWords({ title, curve, axis, marks, alike }));
  draw(svg, "line", { class: "base-line", x1: 0, x2: width, y1: up(bottom), y2: up(bottom) });
  draw(svg, "polygon", { class: "band", points: [...points(high), ...points(low).reverse()].join(" ") });
  draw(svg, "polyline", { class: "middle", points: points(middle).join(" ") });
  draw(svg, "text", { x: 2, y: TOP - 4 }, short(top));
  if (zero) draw(svg, "line", { class: "zero", x1: 0, x2: width, y1: up(0), y2: up(0) });
  for (const { value, text, kind } of marks) {
    const place = right(value);
    draw(svg, "line", { class: kind, x1: place, x2: place, y1: TOP, y2: HEIGHT - 2 });
    // Clear of the edges and of the number of the top at the left.
    const anchor = place > width - 40 ? "end" : place < 70 ? "start" : "middle";
    draw(svg, "text", { x: place, y: TOP - 4, "text-anchor": anchor, class: kind === "now" ? "strong" : "" }, text);
  }
  draw(svg, "polyline", { class: "own", points: points(values).join(" ") });
  const dot = draw(svg, "circle", { class: "dot", r: 3.4 });

  const read = (index) => {
    dot.setAttribute("cx", right(x[index]));
    dot.setAttribute("cy", up(values[index]));
    reading.textContent = `${axis(x[index])}: ${short(values[index])}`;
  };
  const nearest = (value) => x.reduce((best, one, i) =>
    (Math.abs(Math.log(one / value)) < Math.abs(Math.log(x[best] / value)) ? i : best), 0);
  read(nearest(at));
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    read(nearest(x[0] * (x[last] / x[0]) ** share));
  });
  svg.addEventListener("pointerleave", () => read(nearest(at)));
  const ends = create("div", "ends");
  ends.append(create("span", "", axis(x[0])), create("span", "", last ? axis(x[last]) : ""));
  figure.append(caption, svg, ends);
  return figure;
}

function inWords({ title, curve, axis, marks, alike }) {
  const { x, values, middle } = curve;
  const last = x.length - 1;
  const ends = (ys) => (last ? `${short(ys[0])} at ${axis(x[0])}, ${short(ys[last])} at ${axis(x[last])}` : short(ys[0]));
  const marked = marks.map(({ value, text }) => `${text}: ${axis(value)}`);
  return [`${title}: ${ends(values)}.`, `Median of ${alike}: ${ends(middle)}.`, ...marked].join(" ");
}
