// The slider: drag, keys, number entry, pin; and the default export that Streamlit calls.

const IDLE_MS = 450; // without a key for so long, a move by keys counts as released

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
    const asked = data.scale;
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
      // Let go somewhere else meanwhile: that is to be solved now.
      if (this.data.scale !== asked) this.refine();
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

  close() {
    clearTimeout(this.idle);
    this.preview.drop();
    this.resized.disconnect();
    this.sender.close();
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".strength");
  return mounted(root, (node) => new Strength(node), component);
}
