// The map itself: what it shows, and how a person moves and selects. One instance per mounted
// element; Streamlit calls the default export again on every rerun and every change of theme.

const instances = new WeakMap();
const fetched = new Map(); // url → Promise<ArrayBuffer>: a rerun or a page switch costs no request

const load = (url) => {
  if (!fetched.has(url)) {
    if (fetched.size > 40) fetched.delete(fetched.keys().next().value);
    const request = fetch(url, { credentials: "same-origin" }).then((answer) => {
      if (!answer.ok) throw new Error(`points: HTTP ${answer.status}`);
      return answer.arrayBuffer();
    });
    request.catch(() => fetched.delete(url));
    fetched.set(url, request);
  }
  return fetched.get(url);
};

const TYPES = { xy: Float32Array, ids: Uint8Array, given: Int32Array, suggested: Int32Array,
  decision: Int32Array, score: Float32Array, flagged: Uint8Array, selected: Uint8Array };

class ScatterMap {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    [this.base, this.over] = [this.find("canvas.base"), this.find("canvas.over")];
    this.tool = "pan";
    this.hidden = { given: new Set(), suggested: new Set(), decision: new Set(), shape: new Set() };
    this.lit = null;
    this.listen();
  }

  async update(component) {
    const { data, setStateValue } = component;
    [this.data, this.send] = [data, (lasso) => setStateValue("lasso", lasso)];
    this.find(".map").style.setProperty("--map-height", `${data.height}px`);
    const turn = (this.turn = Symbol("update"));
    const message = this.find(".message");
    if (!this.points) [message.textContent] = ["Loading the map…", message.classList.add("on")];
    try {
      const names = Object.keys(data.buffers).filter((name) => data.buffers[name]);
      const loaded = await Promise.all(names.map((name) => load(data.buffers[name])));
      if (turn !== this.turn) return;
      const buffers = Object.fromEntries(names.map((name, i) => [name, new TYPES[name](loaded[i])]));
      this.show(buffers);
      message.classList.remove("on");
    } catch (error) {
      message.textContent = `The points could not be loaded (${error.message}). Reload the page.`;
      message.classList.add("on");
    }
  }

  show(buffers) {
    const fresh = this.xyUrl !== this.data.buffers.xy;
    this.points = { n: buffers.xy.length / 2, ...buffers };
    if (fresh) {
      this.xyUrl = this.data.buffers.xy;
      this.index = buildIndex(buffers.xy, this.points.n);
      this.view = null;
    }
    if (this.data.acknowledged === this.sent?.number) this.path = null;
    const select = this.find("select");
    const open = Object.keys(CHANNELS).filter((name) => buffers[name]);
    if (select.dataset.open !== open.join()) {
      select.dataset.open = open.join();
      select.replaceChildren(...open.map((name) => new Option(CHANNELS[name], name)));
    }
    this.by = open.includes(this.by) ? this.by : open[0];
    select.value = this.by;
    this.over.setAttribute("aria-label", `Map of ${this.points.n} images. Arrow keys move, plus and minus ` +
      "zoom, 0 fits, A selects what is in view, Escape clears the selection.");
    this.restyle();
  }

  restyle() {
    const look = getComputedStyle(this.find(".map"));
    this.look = { background: parseColour(look.getPropertyValue("--st-background-color") || "#fff"),
      foreground: parseColour(look.color) };
    this.channel = channelOf(this.by, this.data, this.points, this.look);
    drawLegend(this.find(".legend"), this.channel, this.points, this.hidden, this.data, {
      toggle: (group, code, only) => this.toggle(group, code, only),
      highlight: (group, code) => { this.lit = group && { group, code }; this.redraw(); },
      showAll: () => { Object.values(this.hidden).forEach((set) => set.clear()); this.restyle(); },
    });
    const { given, suggested, decision, flagged } = this.points;
    const h = this.hidden;
    this.shown = (i) => !(
      (h.given.size && given && h.given.has(given[i] < 0 ? this.data.classes.length : given[i])) ||
      (h.suggested.size && suggested && h.suggested.has(suggested[i] < 0 ? this.data.classes.length : suggested[i])) ||
      (h.decision.size && decision && h.decision.has(decision[i])) ||
      (h.shape.size && h.shape.has(flagged ? flagged[i] : 0)));
    this.report();
    this.redraw();
  }

  toggle(group, code, only) {
    const set = this.hidden[group];
    if (only) {
      const count = group === "shape" ? 2 : this.channel.entries.length;
      const alone = set.size === count - 1 && !set.has(code);
      set.clear();
      if (!alone) for (let c = 0; c < count; c++) if (c !== code) set.add(c);
    } else if (!set.delete(code)) set.add(code);
    const focused = [...this.find(".legend").querySelectorAll("button")].indexOf(this.root.activeElement);
    this.restyle();
    this.find(".legend").querySelectorAll("button")[focused]?.focus();
  }

  report() {
    let visible = 0;
    for (let i = 0; i < this.points.n; i++) visible += this.shown(i);
    const all = this.points.n.toLocaleString("en");
    const part = visible === this.points.n ? `${all} images` : `${visible.toLocaleString("en")} of ${all} shown`;
    const chosen = this.data.selected_count;
    this.find(".status").textContent = chosen ? `${part} · ${chosen.toLocaleString("en")} selected` : part;
    this.find('[data-act="clear"]').disabled = !chosen;
  }

  fit() {
    const [x0, y0, x1, y1] = this.index.bounds;
    const pad = 28 * this.ratio;
    const k = Math.min((this.base.width - 2 * pad) / Math.max(x1 - x0, 1e-9), (this.base.height - 2 * pad) / Math.max(y1 - y0, 1e-9));
    this.view = { k, tx: this.base.width / 2 - (k * (x0 + x1)) / 2, ty: this.base.height / 2 + (k * (y0 + y1)) / 2 };
    this.k0 = k;
  }

  zoom(factor, x = this.base.width / 2, y = this.base.height / 2) {
    const k = Math.max(this.k0 * 0.5, Math.min(this.k0 * 400, this.view.k * factor));
    const f = k / this.view.k;
    this.view = { k, tx: x - (x - this.view.tx) * f, ty: y - (y - this.view.ty) * f };
    this.redraw();
  }

  move(dx, dy) {
    this.view.tx += dx;
    this.view.ty += dy;
    this.redraw();
  }

  resize() {
    const box = this.base.getBoundingClientRect();
    this.ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(box.width * this.ratio), Math.round(box.height * this.ratio)];
    if (!width || (width === this.base.width && height === this.base.height)) return;
    const [dx, dy] = [(width - this.base.width) / 2, (height - this.base.height) / 2];
    for (const canvas of [this.base, this.over]) [canvas.width, canvas.height] = [width, height];
    const fitted = this.view && this.view.k === this.k0;
    if (fitted) this.view = null;
    else if (this.view) [this.view.tx, this.view.ty] = [this.view.tx + dx, this.view.ty + dy];
    this.redraw();
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => { this.frame = null; this.draw(); });
  }

  draw() {
    // Before the first measurement there is nothing to draw on; resize() asks again.
    if (!this.points || !this.ratio) return;
    if (!this.view) this.fit();
    const n = this.points.n;
    const size = n > 80000 ? 1.5 : n > 20000 ? 2.1 : n > 4000 ? 3 : 4.2;
    const style = {
      ...this.look, ratio: this.ratio, shown: this.shown, colours: this.channel.colours,
      colourOf: this.channel.code, opacity: n > 20000 ? 0.65 : 0.85,
      radius: Math.min(9, size * (this.view.k / this.k0) ** 0.3) * this.ratio,
      dimmed: this.dimming(),
      // Rings help to find a few chosen points and only darken a crowd of them.
      halo: this.data.selected_count <= 300 && n <= 20000,
    };
    const started = performance.now();
    paint(this.base, this.points, style, this.view);
    this.find(".map").dataset.paint = (performance.now() - started).toFixed(1);
    this.trace();
  }

  dimming() {
    if (!this.lit) return () => false;
    const { group, code } = this.lit;
    if (group === "shape") return (i) => (this.points.flagged ? this.points.flagged[i] : 0) !== code;
    return (i) => this.channel.code(i) !== code;
  }

  // The upper canvas: lasso and the ring round the hovered point.
  trace() {
    const g = this.over.getContext("2d");
    g.clearRect(0, 0, this.over.width, this.over.height);
    g.strokeStyle = css(this.look.foreground);
    g.lineWidth = 1.5 * this.ratio;
    if (this.path?.length > 1) {
      g.beginPath();
      this.path.forEach(([x, y]) => g.lineTo(x * this.view.k + this.view.tx, this.view.ty - y * this.view.k));
      g.closePath();
      g.setLineDash([6 * this.ratio, 4 * this.ratio]);
      g.stroke();
      g.setLineDash([]);
      g.fillStyle = css(this.look.foreground);
      g.globalAlpha = 0.07;
      g.fill();
      g.globalAlpha = 1;
    }
    if (this.hover >= 0) {
      const { xy } = this.points;
      g.beginPath();
      g.arc(xy[2 * this.hover] * this.view.k + this.view.tx, this.view.ty - xy[2 * this.hover + 1] * this.view.k, 10 * this.ratio, 0, 7);
      g.stroke();
    }
  }

  listen() {
    listenToPointer(this);
    listenToKeys(this);
    this.find("select").onchange = (event) => { this.by = event.target.value; this.restyle(); };
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.base);
  }

  close() {
    this.turn = null; // points that arrive from now on have nowhere to go
    this.watch.disconnect();
    if (this.frame) cancelAnimationFrame(this.frame);
    instances.delete(this.root);
  }
}

export default function (component) {
  const root = component.parentElement;
  if (!instances.has(root)) instances.set(root, new ScatterMap(root));
  const map = instances.get(root);
  map.update(component);
  return () => map.close();
}
