// Keyboard and mouse of the grid.

Object.assign(Grid.prototype, {
  onKey(event) {
    const command = event.ctrlKey || event.metaKey;
    if (event.altKey || event.target.closest("button")) return;
    if (MOVES.has(event.key)) this.move(event, command);
    else if (command && event.key.toLowerCase() === "a") this.selectAll();
    else if (command && event.key === " ") this.toggle(this.focusId);
    else if (command || !this.plainKey(event)) return;
    event.preventDefault();
  },

  plainKey(event) {
    const key = event.key.toLowerCase();
    if (key === "escape") this.clear();
    else if (key === " ") this.openZoom();
    else if (key === "?") this.openHelp();
    else if (key === "]" || key === "[") this.turnPage(key === "]" ? 1 : -1);
    else if (this.data.readonly) return false;
    else if (key === "enter") this.decide("accept");
    else if (key in ACTIONS) this.decide(ACTIONS[key]);
    else if (key === "u") this.step(event.shiftKey ? "redo" : "undo");
    else if (key === "l" || key === "/") this.pick();
    else if (/^[0-9]$/.test(key)) this.chooseNumber(key === "0" ? 9 : Number(key) - 1);
    else return false;
    return true;
  },

  turnPage(step) {
    const [page, pages] = this.data.page;
    const to = page + step;
    if (to < 1 || to > pages) return;
    this.turned = true; // the new page gets the keys
    // A state, as a trigger may get lost beside the operations; never the same twice.
    this.setStateValue("turn", [to, Date.now()]);
  },

  move(event, command) {
    const row = this.rows.get(this.focusId);
    if (row === undefined) return;
    const columns = getComputedStyle(this.list).gridTemplateColumns.split(" ").length;
    const tile = this.tiles.get(this.focusId).node;
    const page = columns * Math.max(1, Math.floor(this.list.clientHeight / (tile.offsetHeight + 1)));
    const last = this.items.length - 1;
    const target = {
      ArrowLeft: row - 1, ArrowRight: row + 1, ArrowUp: row - columns, ArrowDown: row + columns,
      PageUp: row - page, PageDown: row + page, Home: 0, End: last,
    }[event.key];
    // Up from the first row and down from the last stay put; pages stop at the ends.
    const jump = event.key.startsWith("Page");
    if (!jump && (target < 0 || (target > last && !(event.key === "ArrowDown" && row + columns - (row % columns) <= last)))) return;
    const id = this.items[Math.max(0, Math.min(target, last))].id;
    this.focus(id, { extend: event.shiftKey, select: !command });
    if (this.zoom.dialog.open) this.openZoom();
  },

  onClick(event) {
    const tile = event.target.closest(".tile");
    if (!tile) return;
    const id = tile.dataset.id;
    if (event.shiftKey) this.focus(id, { extend: true });
    else if (event.ctrlKey || event.metaKey) {
      this.toggle(id);
      this.focus(id, { select: false });
    } else this.focus(id);
  },

  toggle(id) {
    if (!this.selection.delete(id)) this.selection.add(id);
    this.anchorId = id;
    this.paintSelection();
  },

  selectAll() {
    this.selection = new Set(this.items.map((item) => item.id));
    this.paintSelection();
  },

  clear() {
    this.selection.clear();
    this.anchorId = null;
    this.paintSelection();
  },
});

function isDark(node) {
  const [red, green, blue] = (getComputedStyle(node).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}

export default function (component) {
  const root = component.parentElement.querySelector(".air-grid");
  return mounted(root, (node) => new Grid(node), component);
}
