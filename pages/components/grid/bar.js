// The bar above the tiles, the dialogs it opens, and the size of the images.

const DENSITY_KEY = "air-audit:density";

Object.assign(Grid.prototype, {
  paintBar() {
    const targets = this.targets();
    const count = this.selection.size;
    const many = targets.length > 1;
    const total = this.items.length;
    this.find(".count").textContent = count > 1
      ? `${count} of ${total} selected` : `${total} ${total === 1 ? "image" : "images"}`;
    const unsaved = this.queue?.pending.length ?? 0;
    this.find(".unsaved").textContent = unsaved ? `unsaved: ${unsaved}` : "";
    this.root.classList.toggle("bulk", many);
    const flagged = targets.filter(differs);
    const same = new Set(flagged.map((item) => item.suggested)).size === 1 && flagged.length === targets.length;
    const texts = {
      accept: !many ? "Accept"
        : same ? `Relabel ${targets.length} images as ${flagged[0].suggested}` : `Accept ${targets.length} suggestions`,
      keep: many ? `Keep ${targets.length}` : "Keep",
      pick: many ? `Relabel ${targets.length} as …` : "Relabel as …",
      exclude: many ? `Exclude ${targets.length}` : "Exclude",
      unsure: many ? `Unsure about ${targets.length}` : "Unsure",
    };
    for (const button of this.root.querySelectorAll("[data-do]")) {
      const text = button.querySelector(".text");
      if (text && texts[button.dataset.do]) text.textContent = texts[button.dataset.do];
      if (text) button.disabled = !targets.length;
    }
  },

  press(what) {
    const inZoom = this.zoom.dialog.open;
    if (["accept", "keep", "exclude", "unsure"].includes(what)) this.decide(what);
    else if (what === "undo" || what === "redo") this.step(what);
    else if (what === "pick") this.pick("");
    else if (what === "help") this.openHelp();
    else if (what === "close-help") this.help.close();
    else if (what === "dismiss") this.find(".notice").hidden = true;
    if (inZoom) this.zoom.dialog.focus();
  },

  pick(typed) {
    const targets = this.targets();
    if (targets.length && !this.data.readonly) this.picker.open(this.data.classes, targets.length, typed);
  },

  openZoom() {
    const row = this.rows.get(this.focusId);
    if (row === undefined) return;
    if (!this.zoom.dialog.open) {
      // The large picture is about one image, whatever was selected before.
      this.focus(this.focusId, { grab: true });
    }
    this.zoom.show(this.items[row], row + 1, this.items.length, this.url("image", this.focusId));
  },

  openHelp() {
    this.find(".numbers").replaceChildren(
      ...this.data.classes.slice(0, 10).map((name) => create("li", "", name)));
    this.help.showModal();
  },

  setDensity(density, remember = false) {
    this.root.dataset.density = density || "normal";
    for (const button of this.root.querySelectorAll("button[data-density]")) {
      button.setAttribute("aria-pressed", button.dataset.density === this.root.dataset.density ? "true" : "false");
    }
    if (!remember) return;
    try {
      localStorage.setItem(DENSITY_KEY, density);
    } catch {
      // Storage is switched off: the choice holds until the page is left.
    }
    this.tiles.get(this.focusId)?.node.scrollIntoView({ block: "nearest" });
  },

  storedDensity() {
    try {
      return localStorage.getItem(DENSITY_KEY);
    } catch {
      return null;
    }
  },
});
