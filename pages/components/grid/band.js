// A rubber band: drag over the tiles to select what it touches. Shift or Ctrl adds to what is
// selected; the list scrolls while the pointer is at its edge.

const BAND_STARTS = 6; // pixels; less is a click with an unsteady hand
const EDGE = 28;

Object.assign(Grid.prototype, {
  listenForBand() {
    this.band = create("div", "band");
    this.list.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.pointerType === "touch" || !this.items.length) return;
      // Not on the scroll bar.
      if (event.offsetX > this.list.clientWidth && event.target === this.list) return;
      this.bandFrom = { ...this.placeInList(event), pointer: event.pointerId, adding: event.shiftKey || event.ctrlKey || event.metaKey };
    });
    this.list.addEventListener("pointermove", (event) => this.onBandMove(event));
    const end = (event) => this.endBand(event);
    this.list.addEventListener("pointerup", end);
    this.list.addEventListener("pointercancel", end);
    // The click that ends a drag is none.
    this.list.addEventListener("click", (event) => {
      if (!this.bandEnded) return;
      this.bandEnded = false;
      event.stopImmediatePropagation();
    }, true);
  },

  placeInList({ clientX, clientY }) {
    const box = this.list.getBoundingClientRect();
    return { x: clientX - box.left, y: clientY - box.top + this.list.scrollTop };
  },

  onBandMove(event) {
    if (!this.bandFrom) return;
    const to = this.placeInList(event);
    if (!this.bandBase) {
      if (Math.hypot(to.x - this.bandFrom.x, to.y - this.bandFrom.y) < BAND_STARTS) return;
      this.list.setPointerCapture(this.bandFrom.pointer);
      this.bandBase = this.bandFrom.adding ? new Set(this.selection) : new Set();
      this.list.append(this.band);
      this.list.classList.add("banding");
      this.preview?.hide();
      this.measure();
    }
    this.bandPointer = event;
    this.bandTo = to;
    this.paintBand();
    this.scrollBand();
  },

  // Tiles do not move while the band is drawn, but those not yet seen only guess their height.
  measure() {
    this.places = this.items.map((item) => {
      const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = this.tiles.get(item.id).node;
      return [item.id, offsetLeft, offsetTop, offsetLeft + offsetWidth, offsetTop + offsetHeight];
    });
  },

  paintBand() {
    const [left, right] = [this.bandFrom.x, this.bandTo.x].sort((a, b) => a - b);
    const [top, bottom] = [this.bandFrom.y, this.bandTo.y].sort((a, b) => a - b);
    const inside = (low, most) => Math.max(0, Math.min(low, most));
    const { style } = this.band;
    style.left = `${inside(left, this.list.clientWidth)}px`;
    style.top = `${inside(top, this.list.scrollHeight)}px`;
    style.width = `${inside(right, this.list.clientWidth) - inside(left, this.list.clientWidth)}px`;
    style.height = `${inside(bottom, this.list.scrollHeight - 1) - inside(top, this.list.scrollHeight)}px`;
    const chosen = new Set(this.bandBase);
    for (const [id, x0, y0, x1, y1] of this.places) {
      if (x0 < right && x1 > left && y0 < bottom && y1 > top) chosen.add(id);
    }
    if (chosen.size === this.selection.size && [...chosen].every((id) => this.selection.has(id))) return;
    this.selection = chosen;
    this.paintSelection();
  },

  scrollBand() {
    cancelAnimationFrame(this.bandFrame);
    const box = this.list.getBoundingClientRect();
    const { clientY } = this.bandPointer;
    const over = Math.min(0, clientY - box.top - EDGE) + Math.max(0, clientY - box.bottom + EDGE);
    if (!over || !this.bandBase) return;
    this.bandFrame = requestAnimationFrame(() => {
      if (!this.bandBase) return;
      const before = this.list.scrollTop;
      this.list.scrollTop += Math.sign(over) * Math.min(24, Math.ceil(Math.abs(over) / 3));
      if (this.list.scrollTop === before) return;
      this.measure();
      this.bandTo = this.placeInList(this.bandPointer);
      this.paintBand();
      this.scrollBand();
    });
  },

  endBand(event) {
    const drawn = this.bandBase;
    this.bandFrom = this.bandBase = null;
    cancelAnimationFrame(this.bandFrame);
    if (!drawn) return;
    this.band.remove();
    this.list.classList.remove("banding");
    this.bandEnded = event.type === "pointerup";
    setTimeout(() => (this.bandEnded = false));
    const first = this.items.find((item) => this.selection.has(item.id));
    if (!first) return this.paintSelection();
    this.anchorId = first.id;
    this.focus(first.id, { select: false, scroll: false });
    this.find(".spoken").textContent = `${this.selection.size} selected`;
  },
});
