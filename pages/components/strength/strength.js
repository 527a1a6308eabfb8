// The slider: drag, keys, number entry, pin; and the default export that Streamlit calls.

const IDLE_MS = 450; // without a key for so long, a move by keys counts as released

const SOURCES = {
  "exact path": "Read between two values of the path that the exact solver has solved",
  "exact solver": "The optimum at this λ_g, from the exact solver",
};

class Strength {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.slider = this.find(".slider");
    this.number = this.find(".number");
    this.sender = new Sender();
    this.preview = new RowsPreview(
      (found) => this.seen(found),
      (scale) => this.sender.ask({ kind: "move", scale, released: false }),
    );
    this.dragging = false;
    this.settling = false;
    this.turn = 0;
    this.listen();
  }

  // ---- data from Python ---------------------------------------------------------------------

  update({ data, setStateValue }) {
    this.data = data;
    this.sender.connect((asked) => setStateValue("asked", asked), data.ack);
    this.preview.connect(data);
    // Until the server has caught up, the thumb belongs to the hand.
    if (!this.moving) {
      this.scale = data.scale;
      this.now = null;
      this.preview.last = data.at_fit ? null : data.scale; // what the grid shows already
    }
    this.draw();
    this.refine();
  }

  get moving() {
    return this.dragging || Boolean(this.idle) || this.settling || this.sender.busy;
  }

  // The page shows what the path says between two of its values: wait for the solution there, and
  // have the page take it over.
  async refine() {
    const { data } = this;
    if (!data.refining || !data.rows || this.refining || this.moving) return;
    this.refining = data.rows;
    try {
      const found = await this.preview.fetch(data.scale, true);
      if (this.moving || found.scale !== this.scale) return; // the hand has moved on
      this.preview.show(found);
      this.sender.ask({ kind: "move", scale: found.scale, released: true });
    } catch {
      // The next drawing of the page tries again.
    } finally {
      this.refining = "";
    }
  }

  // What the fetched ranking flags, while the page has not drawn it.
  seen(found) {
    this.now = found;
    this.read();
    if (this.data.pin) this.drawMoved();
  }

  // ---- what a person does -------------------------------------------------------------------

  listen() {
    for (const type of ["keydown", "keyup", "keypress"]) {
      // Streamlit takes C and R from anywhere in the page.
      this.root.addEventListener(type, (event) => event.stopPropagation());
    }
    this.slider.addEventListener("pointerdown", () => { this.dragging = true; });
    this.slider.addEventListener("input", () => this.move(10 ** Number(this.slider.value)));
    // Letting go where it was taken hold of changes nothing, and is no change event either.
    this.slider.addEventListener("change", () => this.release());
    for (const end of ["pointerup", "pointercancel"]) {
      this.slider.addEventListener(end, () => setTimeout(() => { this.dragging = false; }));
    }
    this.slider.addEventListener("keydown", (event) => this.onKey(event));
    this.slider.addEventListener("blur", () => this.settle());
    this.number.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.enter();
      if (event.key === "Escape") this.draw(true);
    });
    this.number.addEventListener("change", () => this.enter());
    this.find("select").addEventListener("change", (event) =>
      this.sender.ask({ kind: "top", top: Number(event.target.value) }));
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button || button.disabled) return;
      if (button.dataset.scale) this.jump(Number(button.dataset.scale));
      else if (button.dataset.mode) this.choose(button.dataset.mode);
      else if (button.dataset.show) this.sender.ask({ kind: "show", which: button.dataset.show });
      else if (button.dataset.do === "fit") this.home();
      else if (button.dataset.do === "pin") this.sender.ask({ kind: "pin" });
      else if (button.dataset.do) this.sender.ask({ kind: button.dataset.do });
    });
    this.find(".modes").addEventListener("keydown", (event) => {
      if (!event.key.startsWith("Arrow")) return;
      event.preventDefault();
      this.choose(this.data.mode === "live" ? "refit" : "live");
      this.find(`[data-mode="${this.data.mode}"]`).focus();
    });
    this.resized = new ResizeObserver(() => this.data && this.placeMarks());
    this.resized.observe(this.find(".marks"));
  }

  onKey(event) {
    const { low, high } = this.data;
    const at = Math.log10(this.scale);
    const by = { ArrowRight: STEP, ArrowUp: STEP, ArrowLeft: -STEP, ArrowDown: -STEP, PageUp: PAGE, PageDown: -PAGE }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (by) this.move(10 ** (Math.round(100 * Math.min(high, Math.max(low, at + by))) / 100));
    else if (event.key === "Home") this.move(10 ** low);
    else if (event.key === "End") this.move(10 ** high);
    else if (event.key === "Enter") return this.release();
    else if (event.key === "Escape") return this.home();
    else return;
    event.preventDefault();
    clearTimeout(this.idle);
    // Fitting anew takes its time, so there keys wait for Enter.
    const wait = this.data.mode === "live" ? IDLE_MS : 1e9;
    this.idle = setTimeout(() => this.release(), wait);
  }

  // Who leaves the slider without Enter does not ask for a fit.
  settle() {
    if (!this.idle) return;
    if (this.data.mode === "live") return this.release();
    clearTimeout(this.idle);
    this.idle = 0;
    this.scale = this.data.scale;
    this.draw(true);
  }

  move(scale) {
    this.turn += 1;
    this.settling = false;
    this.scale = scale;
    this.draw(true);
    if (this.data.mode === "live") this.preview.ask(scale);
  }

  // The grid first; then the page, which has more to draw and solves exactly.
  async release() {
    this.dragging = false;
    clearTimeout(this.idle);
    this.idle = 0;
    const { scale } = this;
    const turn = (this.turn += 1);
    this.settling = true;
    this.draw(true);
    if (this.data.mode === "live") await this.preview.ask(scale);
    if (turn !== this.turn) return; // moved again
    this.settling = false;
    this.sender.ask({ kind: "move", scale, released: true });
  }

  jump(scale) {
    this.scale = scale;
    this.release();
  }

  enter() {
    const scale = Number(this.number.value);
    const { low, high } = this.data;
    if (!(scale > 0)) return this.draw(true);
    const within = Math.min(10 ** high, Math.max(10 ** low, scale));
    if (times(within) !== times(this.scale)) this.jump(within);
    else this.draw(true);
  }

  home() {
    clearTimeout(this.idle);
    this.idle = 0;
    this.turn += 1;
    this.settling = false;
    this.scale = this.data.fit;
    this.preview.drop();
    this.sender.ask({ kind: "fit" });
    this.draw(true);
  }

  choose(mode) {
    if (mode === this.data.mode || this.find(`[data-mode="${mode}"]`).disabled) return;
    this.data = { ...this.data, mode };
    this.sender.ask({ kind: "mode", mode });
    this.draw();
  }

  // ---- drawing ------------------------------------------------------------------------------

  part(scale) {
    const { low, high } = this.data;
    return Math.min(1, Math.max(0, (Math.log10(scale) - low) / (high - low)));
  }

  draw(moving = false) {
    const { data } = this;
    Object.assign(this.slider, { min: data.low, max: data.high, disabled: data.busy !== "" });
    this.slider.value = Math.log10(this.scale);
    if (this.root.getRootNode().activeElement !== this.number || moving) {
      this.number.value = Number(this.scale.toPrecision(3));
    }
    this.number.disabled = data.busy !== "";
    this.find(".now").style.left = `${100 * this.part(this.scale)}%`;
    this.read();
    if (moving) return;
    this.drawPath();
    this.drawMarks();
    this.drawActs();
    this.drawMoved();
  }

  // While it moves, the count is that of the ranking fetched last, or of the curve.
  read() {
    const { data } = this;
    const ahead = this.moving && data.mode === "live";
    const counted = this.now?.scale === this.scale ? this.now.flagged : flaggedAt(data.path, this.scale);
    const flagged = ahead ? counted : data.flagged;
    const source = ahead ? (this.now?.scale === this.scale && this.now.exact ? "exact solver" : "exact path") : data.source;
    this.find(".flagged").textContent = flagged === null ? "" : `${count(flagged)} flagged`;
    this.find(".source").textContent = data.busy || source;
    this.find(".source").title = SOURCES[source] ?? "";
    const waits = data.mode === "refit" && times(this.scale) !== times(data.scale);
    this.slider.setAttribute("aria-valuetext", waits
      ? `λ_g ${times(this.scale)} 1/p, Enter fits again`
      : `λ_g ${times(this.scale)} 1/p, ${count(flagged ?? 0)} flagged`);
  }

  drawPath() {
    const { path, low, high, offer } = this.data;
    this.find(".spark").style.visibility = path ? "visible" : "hidden";
    this.find(".now").hidden = !path;
    this.find(".offer").hidden = !offer;
    this.find(".peak").textContent = "";
    if (path) {
      const { line, area, top } = sparkline(path, low, high);
      this.find(".line").setAttribute("d", line);
      this.find(".area").setAttribute("d", area);
      this.find(".peak").textContent = `flagged along the path, ${count(top)} at most`;
    }
    if (offer) {
      const button = this.find(".offer button");
      [button.textContent, button.disabled] = [offer.button, offer.running];
      this.find(".why").textContent = offer.why;
      this.find(".why").title = offer.why;
    }
  }

  drawMarks() {
    const marks = [...this.data.marks].sort((a, b) => a.scale - b.scale);
    const text = JSON.stringify([marks, this.data.low, this.data.high]);
    if (text === this.marked) return;
    this.marked = text;
    this.marks = marks;
    this.find(".marks").replaceChildren(...marks.flatMap((mark) => {
      const label = document.createElement(mark.fixed ? "span" : "button");
      label.className = "mark";
      [label.textContent, label.title] = [mark.text, mark.why];
      if (!mark.fixed) {
        label.type = "button";
        label.dataset.scale = mark.scale;
        label.setAttribute("aria-label", `Set λ_g to ${mark.text}`);
      }
      const tick = document.createElement("i");
      tick.className = "tick";
      tick.style.left = `${100 * this.part(mark.scale)}%`;
      return [tick, label];
    }));
    this.placeMarks();
  }

  placeMarks() {
    if (this.marks) placeMarks(this.find(".marks"), this.marks, (scale) => this.part(scale));
  }

  drawActs() {
    const { data } = this;
    const texts = { live: ["Live, exact", "The ranking follows while you drag, from the exact solver's path"],
      refit: [`Refit, ${data.solver}`, "Letting go fits again, which takes a while"] };
    for (const button of this.root.querySelectorAll("[data-mode]")) {
      const mode = button.dataset.mode;
      [button.textContent, button.title] = texts[mode];
      button.disabled = mode === "live" && !data.path;
      button.setAttribute("aria-checked", mode === data.mode ? "true" : "false");
      button.tabIndex = mode === data.mode ? 0 : -1;
    }
    const pin = this.find("[data-do=pin]");
    pin.textContent = `Pin ${times(data.scale)}`;
    pin.title = "Compare other values of λ_g with this ranking";
    pin.disabled = !data.path || data.mode !== "live";
    this.find("[data-do=fit]").disabled = data.at_fit;
  }

  drawMoved() {
    const { pin } = this.data;
    this.find(".moved").hidden = !pin;
    const line = this.find(".pinned");
    line.hidden = !pin;
    if (!pin) return;
    line.style.left = `${100 * this.part(pin.scale)}%`;
    this.find(".since").textContent = `Pinned at ${pin.text}:`;
    const moved = this.now ?? pin;
    for (const button of this.root.querySelectorAll("[data-show]")) {
      const which = button.dataset.show;
      button.textContent = `${count(moved[which])} ${which}`;
      button.title = which === "entered" ? "Show what was not there at the pinned value" : "Show what was there at the pinned value";
      button.disabled = !moved[which];
    }
    const select = this.find("select");
    if (!select.options.length) select.append(...pin.tops.map((top) => new Option(count(top), top)));
    select.value = pin.top;
    const text = `Pinned at ${pin.text}: ${count(pin.entered)} entered and ${count(pin.left)} left the top ${count(pin.top)}`;
    if (!this.moving && this.find(".spoken").textContent !== text) this.find(".spoken").textContent = text;
  }

  close() {
    clearTimeout(this.idle);
    this.preview.drop();
    this.resized.disconnect();
    this.sender.close();
  }
}

const bars = new WeakMap();

export default function (component) {
  const root = component.parentElement.querySelector(".strength");
  let bar = bars.get(root);
  if (!bar) bars.set(root, (bar = new Strength(root)));
  bar.update(component);
  return () => {
    bar.close();
    bars.delete(root);
  };
}
