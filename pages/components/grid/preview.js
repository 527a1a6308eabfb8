// A card beside the tile that the pointer rests on: the picture larger, and what is known of it.

const REST_MS = 450;
const PREVIEW_KEY = "air-audit:preview";

class Preview {
  constructor(grid) {
    this.grid = grid;
    this.card = grid.find(".preview");
    this.picture = this.card.querySelector("img");
    this.facts = this.card.querySelector("dl");
    this.picture.addEventListener("load", () => {
      this.picture.classList.toggle("tiny", this.picture.naturalWidth <= 96);
    });
    this.on = readSetting(PREVIEW_KEY) !== "off";
    const { list } = grid;
    // Tiles that scroll under a resting pointer are not pointed at: only a move counts.
    list.addEventListener("pointermove", (event) => this.onMove(event));
    for (const type of ["pointerleave", "pointerdown", "wheel", "keydown"]) {
      list.addEventListener(type, () => this.hide(), { passive: true });
    }
    list.addEventListener("scroll", () => this.hide(), { passive: true });
    this.paint();
  }

  onMove(event) {
    const tile = event.pointerType === "mouse" && event.buttons === 0 && event.target.closest?.(".tile");
    const id = tile ? tile.dataset.id : null;
    if (id === this.at) return;
    this.hide();
    this.at = id;
    if (id && this.on) this.timer = setTimeout(() => this.show(id), REST_MS);
  }

  show(id) {
    const row = this.grid.rows.get(id);
    if (row === undefined || this.grid.root.querySelector("dialog[open]")) return;
    this.picture.src = this.grid.url("image", id);
    writeFacts(this.facts, this.grid.items[row]);
    if (!this.card.matches(":popover-open")) this.card.showPopover();
    this.place(this.grid.tiles.get(id).node.getBoundingClientRect());
  }

  // Beside the tile, on the side with more room, and within the window.
  place(tile) {
    const { offsetWidth: width, offsetHeight: height } = this.card;
    const right = tile.right + 10;
    const left = right + width + 8 <= window.innerWidth ? right : tile.left - width - 10;
    this.card.style.left = `${Math.max(8, left)}px`;
    this.card.style.top = `${Math.max(8, Math.min(tile.top, window.innerHeight - height - 8))}px`;
  }

  hide() {
    clearTimeout(this.timer);
    this.at = null;
    if (this.card.matches(":popover-open")) this.card.hidePopover();
  }

  toggle() {
    this.on = !this.on;
    keepSetting(PREVIEW_KEY, this.on ? "on" : "off");
    this.hide();
    this.paint();
  }

  paint() {
    const button = this.grid.find("[data-do=preview]");
    button.setAttribute("aria-pressed", this.on ? "true" : "false");
    button.title = this.on ? "Large picture where the pointer rests: on" : "Large picture where the pointer rests: off";
  }
}

function readSetting(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keepSetting(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is switched off: the choice holds until the page is left.
  }
}
