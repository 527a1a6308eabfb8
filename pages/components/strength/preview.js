// The grid while the slider moves: tiles are fetched for one λ_g after another, the newest wanted
// next, and handed over on the page. Nothing of this goes through Streamlit.

class RowsPreview {
  constructor(shown, failed) {
    this.shown = shown;
    this.failed = failed;
    this.wanted = this.last = null;
    this.running = null;
  }

  connect(data) {
    this.address = data.rows;
    this.grid = data.grid;
  }

  // Settles when the newest one wanted is shown; what was asked for last is not fetched again.
  ask(scale) {
    if (scale !== this.last && this.address) {
      this.wanted = this.last = scale;
      this.running ??= this.run();
    }
    return this.running ?? Promise.resolve();
  }

  // Not worth drawing any more.
  drop() {
    this.wanted = this.last = null;
  }

  async run() {
    while (this.wanted !== null) {
      const scale = this.wanted;
      this.wanted = null;
      try {
        this.show(await this.fetch(scale));
      } catch {
        this.failed(scale); // the server was started anew, or the network broke: the page asks
      }
    }
    this.running = null;
  }

  async fetch(scale, refine = false) {
    const answer = await fetch(`${this.address}?scale=${scale}${refine ? "&refine=1" : ""}`, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return answer.json();
  }

  show(found) {
    const { items, basis } = found;
    document.dispatchEvent(new CustomEvent("air-audit:rows", { detail: { grid: this.grid, items, basis } }));
    this.shown(found);
  }
}
