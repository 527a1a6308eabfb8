// What shapes and colours mean; every entry is a filter. One tab stop a group: arrows move within.

const SEARCH_FROM = 13; // entries

const element = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

const countCodes = (codes, entries) => {
  const counts = new Uint32Array(entries);
  for (let i = 0; i < codes.length; i++) counts[codes[i]]++;
  return counts;
};

class LegendGroup {
  // entries: [{ code, name, count, mark }]; act: { toggle, only, all, none, light }.
  constructor(name, title, entries, act) {
    [this.name, this.act] = [name, act];
    this.node = element("div", "group");
    this.node.setAttribute("role", "group");
    this.node.setAttribute("aria-label", title);
    this.head = element("div", "head");
    this.head.append(element("h4", "", title));
    if (entries.length > 2) {
      this.head.append(this.command("All", `Show every entry of ${title}`, () => act.all(name)),
        this.command("None", `Hide every entry of ${title}`, () => act.none(name)));
    }
    this.node.append(this.head);
    if (entries.length >= SEARCH_FROM) this.node.append(this.search(title));
    this.list = element("div", "entries");
    this.rows = entries.map((entry) => this.row(entry));
    this.list.append(...this.rows.map((row) => row.node));
    this.list.addEventListener("keydown", (event) => this.onKey(event));
    this.node.append(this.list);
    this.enter(0);
  }

  command(text, title, press) {
    const button = element("button", "command", text);
    button.type = "button";
    button.title = title;
    button.setAttribute("aria-label", title);
    button.onclick = press;
    return button;
  }

  search(title) {
    const input = element("input", "search");
    input.type = "search";
    input.placeholder = "Find a class";
    input.setAttribute("aria-label", `Find in ${title}`);
    input.oninput = () => {
      const wanted = input.value.trim().toLowerCase();
      for (const row of this.rows) row.node.hidden = !row.text.includes(wanted);
      this.enter(this.rows.findIndex((row) => !row.node.hidden));
    };
    return input;
  }

  row({ code, name, count, mark }) {
    const { act } = this;
    const node = element("div", "row");
    const button = element("button", "entry");
    button.type = "button";
    button.tabIndex = -1;
    button.title = `${name}: hide or show; Alt-press or O for this one only`;
    button.append(mark, element("span", "name", name), element("span", "count", count.toLocaleString("en")));
    button.onclick = (event) => (event.altKey ? act.only : act.toggle)(this.name, code);
    const only = element("button", "only", "only");
    only.type = "button";
    only.tabIndex = -1;
    only.setAttribute("aria-label", `Only ${name}`);
    only.onclick = () => act.only(this.name, code);
    node.onpointerenter = () => act.light(this.name, code);
    node.onpointerleave = () => act.light(null);
    node.append(button, only);
    return { node, button, code, text: name.toLowerCase() };
  }

  enter(at) {
    this.rows.forEach((row, i) => { row.button.tabIndex = i === at ? 0 : -1; });
  }

  onKey(event) {
    const open = this.rows.filter((row) => !row.node.hidden);
    const at = open.findIndex((row) => row.button === event.target);
    if (at < 0 || event.ctrlKey || event.metaKey) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: open.length - 1 }[event.key];
    if (to !== undefined && open[to]) {
      this.enter(this.rows.indexOf(open[to]));
      open[to].button.focus();
    } else if (event.key.toLowerCase() === "o") this.act.only(this.name, open[at].code);
    else return;
    event.preventDefault();
  }

  // Which entries are on; the nodes stay, and with them the focus.
  refresh(hidden) {
    for (const row of this.rows) row.button.setAttribute("aria-pressed", String(!hidden?.has(row.code)));
  }
}

const dot = (rgb) => {
  const node = element("span", "dot");
  node.style.background = css(rgb);
  return node;
};

const rampBar = (channel) => {
  const node = element("div", "scale");
  const bar = element("div", "ramp");
  const colours = channel.colours.slice(0, LEVELS);
  if (!channel.low) colours.reverse();
  bar.style.background = `linear-gradient(to right, ${colours.map(css).join(",")})`;
  const ends = element("div", "ends");
  ends.append(...channel.span.map((value, i) => element("span", "", `${Number(value.toFixed(3))} ${channel.ends[i]}`)));
  node.append(bar, ends);
  return node;
};

const boundaryKey = (boundaries) => {
  const node = element("div", "lines");
  for (const { title, dashed, lines } of boundaries) {
    const row = element("div", "line");
    row.append(element("span", dashed ? "stroke dashed" : "stroke"), element("span", "", lines.length ? title : `${title}: none on this map`));
    node.append(row);
  }
  return node;
};

// The groups of the legend for what the map shows now.
const legendOf = (channel, points, shape, boundaries, act) => {
  const groups = [];
  const parts = [];
  const add = (...args) => { groups.push(new LegendGroup(...args, act)); parts.push(groups.at(-1).node); };
  const entries = channel.entries.map(([name], code) => {
    const at = channel.values && code < channel.entries.length - 1
      ? Math.round(((code + 0.5) / (channel.entries.length - 1)) * (LEVELS - 1)) : null;
    const tone = at === null ? (channel.values ? LEVELS : code) : channel.low ? at : LEVELS - 1 - at;
    return { code, name, count: channel.counts[code], mark: dot(channel.colours[tone]) };
  }).filter(({ code, count }) => count > 0 || (!channel.values && channel.entries.length <= 40 && code < channel.entries.length - 2));
  if (shape) {
    const [circles, triangles] = countCodes(points.flagged, 2);
    add(shape.name, "Shape", [
      { code: 1, name: shape.triangle, count: triangles, mark: element("span", "glyph", "▲") },
      { code: 0, name: shape.circle, count: circles, mark: element("span", "glyph", "●") },
    ]);
  }
  if (points.reviewed) {
    const [open, done] = countCodes(points.reviewed, 2);
    add("reviewed", "Review", [
      { code: 1, name: "Reviewed", count: done, mark: element("span", "glyph", "◉") },
      { code: 0, name: "Not reviewed", count: open, mark: element("span", "glyph", "●") },
    ]);
  }
  add(channel.name, channel.title, entries);
  if (channel.values) groups.at(-1).head.after(rampBar(channel));
  if (boundaries.length) parts.unshift(boundaryKey(boundaries));
  return { groups, parts };
};
