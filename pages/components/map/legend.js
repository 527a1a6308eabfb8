// What the colours mean, and the filter behind each entry of the legend.

const CHANNELS = {
  given: "Given label",
  suggested: "Suggested label",
  decision: "Decision",
  score: "Score",
};
const LEVELS = 64;

// One colour channel: its entries (name, colour) and which entry a point has.
const channelOf = (name, data, buffers, look) => {
  const tone = (css) => readable(parseColour(css), look.background, look.foreground);
  if (name === "score") {
    const stops = data.ramp.map(tone);
    const colours = Array.from({ length: LEVELS }, (_, i) => {
      const t = (i / (LEVELS - 1)) * (stops.length - 1);
      const low = Math.min(Math.floor(t), stops.length - 2);
      return mix(stops[low], stops[low + 1], t - low);
    });
    colours.push(tone(data.neutral));
    const scores = buffers.score;
    const code = (i) => {
      const s = scores[i];
      return s >= 0 ? Math.round(Math.min(s, 1) * (LEVELS - 1)) : LEVELS;
    };
    return { name, entries: [], colours, code };
  }
  const entries = name === "decision"
    ? data.decisions
    : data.classes.map((label, i) => ({ name: label, colour: data.palette[i] }));
  const colours = entries.map((entry) => tone(entry.colour));
  colours.push(tone(data.neutral));
  const codes = buffers[name];
  const code = (i) => (codes[i] < 0 ? entries.length : codes[i]);
  return { name, entries: [...entries, { name: "No label", colour: data.neutral }], colours, code };
};

const element = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

const css = (rgb) => `rgb(${rgb.join(" ")})`;

// Fill `box` with one button per entry. `hidden` is {given, suggested, decision, shape: Set}.
const drawLegend = (box, channel, points, hidden, data, actions) => {
  box.replaceChildren();
  const entryButton = (group, code, mark, name, count) => {
    const button = element("button");
    button.type = "button";
    button.title = `${name}: press to hide or show, Alt-press for this one only`;
    button.setAttribute("aria-pressed", String(!hidden[group].has(code)));
    button.append(mark, element("span", "name", name), element("span", "count", count.toLocaleString("en")));
    button.onclick = (event) => actions.toggle(group, code, event.altKey);
    button.onpointerenter = () => actions.highlight(group, code);
    button.onpointerleave = () => actions.highlight(null);
    return button;
  };
  if (points.flagged) {
    let flagged = 0;
    for (let i = 0; i < points.n; i++) flagged += points.flagged[i];
    box.append(element("h4", "", "Shape"));
    box.append(entryButton("shape", 1, element("span", "shape", "▲"), "Flagged", flagged));
    box.append(entryButton("shape", 0, element("span", "shape", "●"), "Not flagged", points.n - flagged));
  }
  box.append(element("h4", "", CHANNELS[channel.name]));
  if (channel.name === "score") {
    const ramp = element("div", "ramp");
    ramp.style.background = `linear-gradient(to right, ${channel.colours.slice(0, LEVELS).map(css).join(",")})`;
    const ends = element("div", "ends");
    ends.append(element("span", "", "0 worst"), element("span", "", "1 clean"));
    box.append(ramp, ends, element("div", "ends", data.score_title || ""));
  } else {
    const counts = new Uint32Array(channel.entries.length);
    for (let i = 0; i < points.n; i++) counts[channel.code(i)]++;
    channel.entries.forEach((entry, code) => {
      if (!counts[code] && (code === channel.entries.length - 1 || channel.entries.length > 40)) return;
      const dot = element("span", "dot");
      dot.style.background = css(channel.colours[code]);
      box.append(entryButton(channel.name, code, dot, entry.name, counts[code]));
    });
  }
  if (Object.values(hidden).some((set) => set.size)) {
    const all = element("button", "all", "Show everything");
    all.type = "button";
    all.onclick = actions.showAll;
    box.append(all);
  }
};
