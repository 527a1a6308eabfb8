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
    const number = many ? ` ${targets.length}` : "";
    const texts = {
      accept: `Accept${number}`,
      keep: `Keep${number}`,
      pick: `Relabel${number} …`,
      exclude: `Exclude${number}`,
      unsure: `Unsure${number}`,
    };
    for (const button of this.root.querySelectorAll("[data-do]")) {
      const text = button.querySelector(".text");
      if (!text) continue;
      const said = texts[button.dataset.do];
      if (text.textContent !== said) text.textContent = said;
      button.title = said;
      const into = button.querySelector(".into");
      // In the large picture nothing else tells it apart from the keys below.
      const tells = same && (many || button.closest("dialog"));
      if (into) into.textContent = tells ? `→ ${flagged[0].suggested}` : "";
      button.disabled = !targets.length;
    }
    this.paintConflicts();
  },

  press(what) {
    const inZoom = this.zoom.dialog.open;
    // The button has said how many.
    if (["accept", "keep", "exclude", "unsure"].includes(what)) this.decide(what, null, { asked: true });
    else if (what === "undo" || what === "redo") this.step(what);
    else if (what === "pick") this.pick();
    else if (what === "previous" || what === "next") this.turn(what === "next" ? 1 : -1);
    else if (what === "next-page") this.turnPage(1);
    else if (what === "preview") this.preview.toggle();
    else if (what === "theirs") this.acceptTheirs();
    else if (what === "mine") this.overwriteTheirs();
    else if (what === "show-met") this.showConflict();
    else if (what === "help") this.openHelp();
    else if (what === "close-help") this.help.close();
    else if (what === "dismiss") this.find(".notice").hidden = true;
    if (inZoom) this.zoom.dialog.focus();
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

  // The image before or after the one in the large picture.
  turn(step) {
    const item = this.items[this.rows.get(this.focusId) + step];
    if (!item) return;
    this.focus(item.id);
    this.openZoom();
  },

  openHelp() {
    this.find(".numbers").replaceChildren(
      ...this.data.classes.slice(0, 10).map((name, at) => {
        const line = create("li");
        line.append(create("kbd", "", `${(at + 1) % 10}`), create("span", "", name));
        return line;
      }));
    this.find(".by-number").textContent = this.data.multilabel
      ? "give or take one of the first ten labels" : "relabel as one of the first ten classes";
    this.help.showModal();
  },

  setDensity(density, remember = false) {
    this.root.dataset.density = density || "normal";
    for (const button of this.root.querySelectorAll("button[data-density]")) {
      button.setAttribute("aria-pressed", button.dataset.density === this.root.dataset.density ? "true" : "false");
    }
    if (!remember) return;
    keepSetting(DENSITY_KEY, density);
    this.tiles.get(this.focusId)?.node.scrollIntoView({ block: "nearest" });
  },

  storedDensity() {
    return readSetting(DENSITY_KEY);
  },
});
