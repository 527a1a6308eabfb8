// The controller: keyboard, selection, decisions, and the default export that Streamlit calls.

const MOVES = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);
const ACTIONS = { k: "keep", x: "exclude", n: "unsure" };

class Grid {
  constructor(root) {
    this.root = root;
    this.host = root.getRootNode();
    this.find = (selector) => root.querySelector(selector);
    this.list = this.find(".tiles");
    this.items = [];
    this.rows = new Map();
    this.tiles = new Map();
    this.selection = new Set();
    this.focusId = null;
    this.anchorId = null;
    this.queue = null;
    this.made = [];
    this.unmade = [];
    this.picker = new ClassPicker(this.find(".picker"));
    this.confirmation = new Confirmation(this.find(".confirm"));
    this.zoom = new LargePicture(this.find(".zoom"), (event) => this.onKey(event));
    this.help = this.find(".help");
    this.preview = new Preview(this);
    this.listenForBand();
    this.listen();
    this.setDensity(this.storedDensity());
  }

  listen() {
    this.list.addEventListener("keydown", (event) => this.onKey(event));
    // Streamlit takes C and R (and more to come) from anywhere in the page.
    for (const type of ["keydown", "keyup", "keypress"]) {
      this.root.addEventListener(type, (event) => event.stopPropagation());
    }
    this.list.addEventListener("click", (event) => this.onClick(event));
    this.list.addEventListener("dblclick", (event) => {
      if (event.target.closest(".tile")) this.openZoom();
    });
    this.list.addEventListener("focusin", (event) => {
      const tile = event.target.closest(".tile");
      if (tile && tile.dataset.id !== this.focusId) this.focus(tile.dataset.id, { grab: false });
    });
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.dataset.density) this.setDensity(button.dataset.density, true);
      else if (button?.dataset.do) this.press(button.dataset.do);
    });
    this.onResize = () => this.fit();
    window.addEventListener("resize", this.onResize);
    // What lies above the grid may still grow or shrink: a message, a wrapped row of controls.
    const page = this.host.host?.closest("[data-testid=stMainBlockContainer]");
    this.resized = new ResizeObserver(this.onResize);
    if (page) this.resized.observe(page);
    this.help.addEventListener("click", (event) => {
      if (event.target === this.help) this.help.close();
    });
    // Another ranking before Python draws it: the λ_g slider is being moved.
    this.onRows = ({ detail: { grid, items, basis } }) => {
      if (grid !== this.data?.name) return;
      this.data = { ...this.data, items, basis };
      this.render();
    };
    document.addEventListener("air-audit:rows", this.onRows);
  }

  // ---- data from Python -------------------------------------------------------------------

  update({ data, setStateValue }) {
    this.data = data;
    this.setStateValue = setStateValue;
    this.root.dataset.readonly = data.readonly ? "yes" : "no";
    this.root.dataset.dark = isDark(this.root) ? "yes" : "no";
    this.fit();
    this.list.setAttribute("aria-label", data.caption);
    if (!this.storedDensity() && data.density !== this.root.dataset.density) this.setDensity(data.density);
    const queue = data.readonly ? null : OperationQueue.of(data.workspace, data.name, data.owner);
    if (this.queue !== queue) {
      this.queue?.disconnect("grid", this);
      this.queue = queue;
      this.made = [];
      this.unmade = [];
    }
    if (this.queue) {
      this.queue.connect("grid", this);
      const { refused, nothing } = this.queue.acknowledge(data);
      this.forget(nothing);
      if (refused.length) this.notify(data.rejected[operationId(refused[refused.length - 1])]);
    }
    this.render();
  }

  send(operations) {
    this.setStateValue("operations", operations);
  }

  render() {
    const overlay = this.queue?.overlay() ?? new Map();
    const lost = this.focusId;
    const lostAt = this.rows.get(lost);
    const hadFocus = this.turned || this.list.contains(this.host.activeElement);
    this.turned = false;
    this.items = this.data.items.map((row) => this.asShown(toItem(row), overlay));
    this.rows = new Map(this.items.map((item, row) => [item.id, row]));
    for (const [id, tile] of this.tiles) {
      if (!this.rows.has(id)) {
        tile.node.remove();
        this.tiles.delete(id);
      }
    }
    // Nothing of before is left: another page, or another filter. Begin at its top.
    const anew = this.tiles.size === 0;
    if (anew) {
      this.list.scrollTop = 0;
      this.find(".end").hidden = true;
    }
    let before = this.list.firstElementChild;
    this.items.forEach((item, row) => {
      let tile = this.tiles.get(item.id);
      if (!tile) this.tiles.set(item.id, (tile = new Tile(item.id)));
      tile.show(item, row + 1, this.items.length, this.url("thumb", item.id));
      if (tile.node === before) before = before.nextElementSibling;
      else this.list.insertBefore(tile.node, before);
    });
    for (const id of this.selection) if (!this.rows.has(id)) this.selection.delete(id);
    if (!this.rows.has(this.anchorId)) this.anchorId = null;
    this.find(".empty").hidden = this.items.length > 0;
    if (this.rows.has(this.awaited)) {
      this.focus(this.awaited, { grab: hadFocus });
      this.awaited = null;
    } else if (!this.rows.has(this.focusId)) {
      const at = anew ? 0 : Math.min(lostAt ?? 0, this.items.length - 1);
      this.focus(this.items[at]?.id ?? null, { grab: hadFocus && lost !== null });
    } else if (hadFocus && !this.list.contains(this.host.activeElement)) {
      this.tiles.get(this.focusId).node.focus({ preventScroll: true });
    }
    this.paintSelection();
    if (this.zoom.dialog.open) this.openZoom();
    this.welcomeKeys();
  }

  // Who opens the page to decide can press keys at once, unless something else is being used.
  welcomeKeys() {
    if (this.welcomed || this.data.readonly || !this.items.length) return;
    this.welcomed = true;
    const active = document.activeElement;
    if (!active || active === document.body || active.closest("header")) {
      this.tiles.get(this.focusId)?.node.focus({ preventScroll: true });
    }
  }

  // With what this browser has not stored yet, and what somebody else has changed meanwhile.
  asShown(item, overlay) {
    const shown = overlay.get(item.id);
    if (shown) {
      [item.decision, item.label] = shown;
      item.by = this.data.basis?.reviewer;
    }
    const met = this.queue?.conflicts.get(item.id);
    if (met) item.met = met;
    return item;
  }

  // Only what a decision touched: with 1,000 tiles a full render would cost a frame or two.
  renderSome(ids) {
    const overlay = this.queue.overlay();
    for (const id of ids) {
      const row = this.rows.get(id);
      if (row === undefined) continue;
      const item = this.asShown(toItem(this.data.items[row]), overlay);
      this.items[row] = item;
      this.tiles.get(id).show(item, row + 1, this.items.length, this.url("thumb", id));
    }
    this.paintBar();
  }

  url(size, id) {
    return `${this.data.baseUrl}/${size}/${encodeURIComponent(id)}?v=${encodeURIComponent(this.data.workspace)}`;
  }

  // Without a height of its own the grid fills what the window leaves it, wherever it begins and
  // whatever follows it.
  fit() {
    if (!this.data || !this.root.isConnected) return;
    const page = this.host.host?.closest("[data-testid=stMainBlockContainer]");
    const box = this.root.getBoundingClientRect();
    const above = box.top + (page?.parentElement?.scrollTop ?? window.scrollY);
    const below = page ? page.getBoundingClientRect().bottom - box.bottom : 24;
    const height = this.data.height ?? Math.max(420, window.innerHeight - above - Math.min(below, 120));
    if (Math.abs(height - (this.height ?? 0)) < 2) return;
    this.height = height;
    this.root.style.setProperty("--height", `${Math.round(height)}px`);
  }

  // ---- focus and selection ----------------------------------------------------------------

  focus(id, { grab = true, extend = false, select = true, scroll = true } = {}) {
    this.tiles.get(this.focusId)?.node.setAttribute("tabindex", "-1");
    this.focusId = id;
    this.tell();
    const tile = this.tiles.get(id);
    if (!tile) return;
    tile.node.setAttribute("tabindex", "0");
    if (extend) this.selectRange(id);
    else if (select && grab) {
      this.selection = new Set([id]);
      this.anchorId = id;
    }
    if (grab) {
      tile.node.focus({ preventScroll: true });
      if (scroll) tile.node.scrollIntoView({ block: "nearest", inline: "nearest" });
      this.paintSelection();
    }
  }

  // Other components explain the image that has the focus.
  tell() {
    const item = this.items[this.rows.get(this.focusId)];
    const detail = { grid: this.data?.name ?? "", id: item?.row ?? null, item: item?.id ?? null };
    const { grid, item: last } = window.airAuditFocus ?? {};
    if (grid === detail.grid && last === detail.item) return;
    window.airAuditFocus = detail;
    document.dispatchEvent(new CustomEvent("air-audit:focus", { detail }));
  }

  selectRange(id) {
    const from = this.rows.get(this.anchorId ?? this.focusId);
    const to = this.rows.get(id);
    this.anchorId = this.items[from].id;
    const [low, high] = from < to ? [from, to] : [to, from];
    this.selection = new Set(this.items.slice(low, high + 1).map((item) => item.id));
  }

  paintSelection() {
    for (const [id, tile] of this.tiles) tile.select(this.selection.has(id));
    this.list.classList.toggle("many", this.selection.size > 1);
    this.paintBar();
    if (this.data.onSelect) this.reportSelection();
  }

  reportSelection() {
    const chosen = this.items.filter((item) => this.selection.has(item.id)).map((item) => item.id);
    const text = chosen.join();
    if (text === (this.reported ?? "")) return;
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => {
      this.reported = text;
      this.setStateValue("selected", chosen);
    }, 120);
  }

  targets() {
    if (this.selection.size > 1 || this.selection.has(this.focusId)) {
      return this.items.filter((item) => this.selection.has(item.id));
    }
    const focused = this.items[this.rows.get(this.focusId)];
    return focused ? [focused] : [];
  }

  close() {
    clearTimeout(this.reporting);
    window.removeEventListener("resize", this.onResize);
    document.removeEventListener("air-audit:rows", this.onRows);
    this.resized.disconnect();
    this.queue?.disconnect("grid", this);
    this.preview.hide();
    if (window.airAuditFocus?.grid !== this.data.name) return;
    this.rows = new Map();
    this.tell();
  }
}
