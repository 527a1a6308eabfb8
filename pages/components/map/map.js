// The map itself. One instance per mounted element; Streamlit calls the default export again on
// every rerun and every change of theme.

const remembered = new Map(); // address of the pictures → how the map was left, for when its page is opened again
const SLOW = 45; // ms: above this a moving map shows its last picture until it rests

class ScatterMap {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    [this.base, this.over] = [this.find("canvas.base"), this.find("canvas.over")];
    this.hidden = new Map(); // group of the legend → codes switched off
    this.lit = null;
    this.hover = -1;
    this.cost = 0;
    this.raster = new Raster();
    this.shot = document.createElement("canvas");
    this.listen();
  }

  async update({ data, setStateValue }) {
    if (!this.data) this.recall(data.thumb);
    [this.data, this.send] = [data, (lasso) => setStateValue("lasso", lasso)];
    const turn = (this.turn = Symbol("update"));
    const message = this.find(".message");
    if (!this.points) [message.textContent] = ["Loading the map…", message.classList.add("on")];
    try {
      const [points, channels] = await loadAll(data);
      if (turn !== this.turn) return;
      this.show(points, channels);
      message.classList.remove("on");
    } catch (error) {
      message.textContent = `The points could not be loaded (${error.message}). Reload the page.`;
      message.classList.add("on");
    }
  }

  show(points, channels) {
    [this.points, this.channels] = [points, channels];
    if (this.shownXy !== this.data.xy) {
      this.index = buildIndex(points.xy, points.n);
      if (this.shownXy || this.viewOf !== this.data.xy) this.view = null;
      this.shownXy = this.viewOf = this.data.xy;
      this.hover = -1;
    }
    if (this.data.acknowledged === this.sent?.number) this.path = null;
    const select = this.find("select");
    const open = channels.map(({ name, title }) => [name, title].join()).join();
    if (select.dataset.open !== open) {
      select.dataset.open = open;
      select.replaceChildren(...channels.map(({ name, title }) => new Option(title, name)));
    }
    this.by = channels.some(({ name }) => name === this.by) ? this.by : channels[0].name;
    select.value = this.by;
    this.over.setAttribute("aria-label", `${this.data.about}. Arrow keys move, plus and minus zoom, 0 shows ` +
      "everything. Enter selects the image in the middle, A all in view, S all that the legend shows; " +
      "with Shift they are added, with Alt removed. Escape clears the selection.");
    this.restyle();
  }

  // Colours and legend anew: other data, another channel, another theme.
  restyle() {
    const style = getComputedStyle(this.find(".map"));
    this.look = { background: parseColour(style.getPropertyValue("--st-background-color") || "#fff"),
      foreground: parseColour(style.color) };
    const channel = this.channels.find(({ name }) => name === this.by);
    const neutral = readable(parseColour(this.data.neutral), this.look);
    channel.colours = channel.values
      ? [...rampOf(this.data.ramp, this.look), neutral]
      : channel.entries.map(([, colour]) => readable(parseColour(colour), this.look));
    this.channel = channel;
    this.tones = tonesOf(channel);
    const { groups, parts } = legendOf(channel, this.points, this.data.shape, this.data.boundaries, {
      toggle: (group, code) => this.filter(group, (set) => set.delete(code) || set.add(code)),
      only: (group, code) => this.only(group, code),
      all: (group) => this.filter(group, (set) => set.clear()),
      none: (group) => this.filter(group, (set) => this.codesOf(group).forEach((code) => set.add(code))),
      light: (group, code) => { this.light(group, code); },
    });
    const legend = this.find(".legend");
    const drawn = JSON.stringify([this.data.shape, this.by, this.look, groups.map((one) => one.rows.map((row) => row.button.textContent)), this.data.boundaries.map(({ title, lines }) => [title, lines.length])]);
    // A rerun that changed nothing in it leaves the legend alone, and with it focus and search.
    if (drawn !== this.drawnLegend) {
      this.drawnLegend = drawn;
      this.groups = groups;
      legend.replaceChildren(...parts);
    }
    this.refilter();
  }

  // What is shown, from the legend; its nodes stay.
  refilter() {
    const { n, flagged, reviewed, selected } = this.points;
    const codes = Object.fromEntries(this.channels.map((channel) => [channel.name, channel.codes]));
    codes.reviewed = reviewed;
    if (this.data.shape) codes[this.data.shape.name] = flagged;
    for (const name of [...this.hidden.keys()]) if (!codes[name]) this.hidden.delete(name);
    this.shown = shownOf(n, codes, this.hidden);
    this.marks = buildMarks({ n, flagged, reviewed, selected, shown: this.shown, tones: this.tones });
    for (const group of this.groups) group.refresh(this.hidden.get(group.name));
    this.find(".others").hidden = !this.filteredElsewhere();
    this.report();
    this.redraw();
  }

  codesOf(group) {
    return this.groups.find(({ name }) => name === group).rows.map(({ code }) => code);
  }

  filter(group, change) {
    if (!this.hidden.has(group)) this.hidden.set(group, new Set());
    change(this.hidden.get(group));
    this.refilter();
  }

  // Only this entry; once more brings the others back.
  only(group, code) {
    const codes = this.codesOf(group);
    this.filter(group, (set) => {
      const alone = !set.has(code) && codes.every((other) => other === code || set.has(other));
      set.clear();
      if (!alone) codes.forEach((other) => other !== code && set.add(other));
    });
  }

  // A filter on a channel that is not the one shown would hide images without a visible reason.
  filteredElsewhere() {
    const visible = new Set(this.groups.map(({ name }) => name));
    return [...this.hidden].some(([name, set]) => set.size && !visible.has(name));
  }

  light(group, code) {
    const codes = group === null ? null : group === this.channel.name ? this.channel.codes
      : group === "reviewed" ? this.points.reviewed : this.points.flagged;
    this.marks.lit = codes && ((i) => codes[i] === code);
    this.redraw();
  }

  report() {
    const { length } = this.marks.order;
    const all = this.points.n.toLocaleString("en");
    const part = length === this.points.n ? `${all} images` : `${length.toLocaleString("en")} of ${all} shown`;
    const chosen = this.data.selected_count;
    this.find(".status").textContent = chosen ? `${part} · ${chosen.toLocaleString("en")} selected` : part;
    this.find('[data-act="clear"]').disabled = !chosen;
  }

  // ---- the view: data to device pixels -----------------------------------------------------

  fit() {
    const [x0, y0, x1, y1] = this.index.bounds;
    const { width, height } = this.base;
    const pad = 26 * this.ratio;
    const k = Math.min((width - 2 * pad) / Math.max(x1 - x0, 1e-9), (height - 2 * pad) / Math.max(y1 - y0, 1e-9));
    this.k0 = k;
    return { k, tx: width / 2 - (k * (x0 + x1)) / 2, ty: height / 2 + (k * (y0 + y1)) / 2 };
  }

  zoom(factor, x = this.base.width / 2, y = this.base.height / 2) {
    const k = Math.max(this.k0 * 0.5, Math.min(this.k0 * 400, this.view.k * factor));
    const f = k / this.view.k;
    this.fitted = false;
    this.view = { k, tx: x - (x - this.view.tx) * f, ty: y - (y - this.view.ty) * f };
    this.redraw(true);
  }

  move(dx, dy) {
    this.fitted = false;
    this.view = { k: this.view.k, tx: this.view.tx + dx, ty: this.view.ty + dy };
    this.redraw(true);
  }

  resize() {
    const frame = this.base.getBoundingClientRect();
    this.ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(frame.width * this.ratio), Math.round(frame.height * this.ratio)];
    if (!width || (width === this.base.width && height === this.base.height)) return;
    for (const canvas of [this.base, this.over]) [canvas.width, canvas.height] = [width, height];
    if (this.fitted) this.view = null;
    else if (this.view) {
      const [dx, dy] = [(width - this.size[0]) / 2, (height - this.size[1]) / 2];
      this.view = { k: this.view.k, tx: this.view.tx + dx, ty: this.view.ty + dy };
    }
    this.size = [width, height];
    this.k0 = null;
    this.redraw();
  }

  // The stage fills what the window leaves it.
  stretch() {
    if (!this.root.isConnected) return;
    const stage = this.find(".stage").getBoundingClientRect();
    const page = this.root.getRootNode().host?.closest("[data-testid=stMain]");
    const top = stage.top + (page?.scrollTop ?? window.scrollY);
    const height = Math.round(Math.max(380, Math.min(1100, window.innerHeight - top - 30)));
    this.find(".map").style.setProperty("--map-height", `${height}px`);
  }

  // ---- painting ----------------------------------------------------------------------------

  redraw(moved = false) {
    if (!moved) this.stale = true;
    this.frame ??= requestAnimationFrame(() => { this.frame = null; this.draw(); });
  }

  draw() {
    // Before the first measurement there is nothing to draw on; resize() asks again.
    if (!this.points || !this.ratio || !this.base.width) return;
    if (!this.k0) this.fit();
    if (!this.view) [this.view, this.fitted, this.stale] = [this.fit(), true, true];
    clearTimeout(this.rest);
    const rested = performance.now() - this.paintedAt > 3 * this.cost;
    if (this.stale || this.cost < SLOW || rested) this.repaint();
    else {
      this.preview();
      this.rest = setTimeout(() => this.repaint(), 90);
    }
    this.trace();
  }

  repaint() {
    const { n } = this.points;
    const size = n > 80000 ? 1.5 : n > 20000 ? 2.1 : n > 4000 ? 3 : 4.2;
    const style = {
      ...this.look, ratio: this.ratio, colours: this.channel.colours, opacity: n > 20000 ? 0.65 : 0.85,
      radius: Math.min(9, size * Math.max(1, this.view.k / this.k0) ** 0.3) * this.ratio,
      // Rings help to find a few chosen points and only darken a crowd of them.
      halo: this.data.selected_count <= 300 && n <= 20000,
    };
    const started = performance.now();
    this.raster.paint(this.base, this.points.xy, this.marks, style, this.view);
    this.paintedAt = performance.now();
    this.cost = this.paintedAt - started;
    this.stale = false;
    this.painted = this.view;
    if (this.cost >= SLOW) {
      [this.shot.width, this.shot.height] = [this.base.width, this.base.height];
      this.shot.getContext("2d").drawImage(this.base, 0, 0);
    }
    const { dataset } = this.find(".map");
    dataset.paint = this.cost.toFixed(1);
    dataset.view = [this.view.k, this.view.tx, this.view.ty].join();
    dataset.scale = this.ratio;
  }

  // The last picture, moved to where it belongs now.
  preview() {
    const g = this.base.getContext("2d");
    const f = this.view.k / this.painted.k;
    g.fillStyle = css(this.look.background);
    g.fillRect(0, 0, this.base.width, this.base.height);
    g.setTransform(f, 0, 0, f, this.view.tx - this.painted.tx * f, this.view.ty - this.painted.ty * f);
    g.drawImage(this.shot, 0, 0);
    g.setTransform(1, 0, 0, 1, 0, 0);
  }

  trace() {
    if (this.view && this.look && this.points) traceOver(this);
  }

  // ---- life --------------------------------------------------------------------------------

  listen() {
    listenToPointer(this);
    listenToKeys(this);
    setTool(this, "pan");
    this.find("select").onchange = (event) => { this.by = event.target.value; this.restyle(); };
    const others = element("button", "others", "Some images are hidden by another colouring: show all");
    others.type = "button";
    others.hidden = true;
    others.onclick = () => { this.hidden.clear(); this.refilter(); };
    this.find(".by").after(others);
    this.find(".tip img").onerror = (event) => event.target.classList.add("missing");
    this.over.onblur = () => { if (this.aim) { this.aim = false; hideTip(this); this.trace(); } };
    this.watch = new ResizeObserver(() => { this.stretch(); this.resize(); });
    this.watch.observe(this.base);
    this.onWindow = () => this.stretch();
    window.addEventListener("resize", this.onWindow);
    const page = this.root.getRootNode().host?.closest("[data-testid=stMainBlockContainer]");
    if (page) this.watch.observe(page);
    // Where on the map is the image that has the focus in the grid?
    this.onFocus = ({ detail }) => {
      this.focused = this.points && detail?.item ? rowOf(this.points.ids, detail.item) : -1;
      this.trace();
    };
    document.addEventListener("air-audit:focus", this.onFocus);
  }

  recall(images) {
    const left = remembered.get(images);
    if (!left) return;
    const { tool, ...rest } = left;
    Object.assign(this, rest);
    setTool(this, tool);
  }

  close() {
    this.turn = null; // points that arrive from now on have nowhere to go
    const { view, fitted, size, viewOf, by, hidden, tool } = this;
    if (this.data) remembered.set(this.data.thumb, { view, fitted, size, viewOf, by, hidden, tool });
    this.watch.disconnect();
    window.removeEventListener("resize", this.onWindow);
    document.removeEventListener("air-audit:focus", this.onFocus);
    clearTimeout(this.rest);
    if (this.frame) cancelAnimationFrame(this.frame);
  }
}

export default function (component) {
  return mounted(component.parentElement, (root) => new ScatterMap(root), component);
}
