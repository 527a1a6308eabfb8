// What the slider shows: the thumb and its words, the curve, the marks, what moved since a pin.

const SOURCES = {
  "exact path": "Read between two values of the path that the exact solver has solved",
  "exact solver": "The optimum at this λ_g, from the exact solver",
};

Object.assign(Strength.prototype, {
  part(scale) {
    const { low, high } = this.data;
    return Math.min(1, Math.max(0, (Math.log10(scale) - low) / (high - low)));
  },

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
  },

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
  },

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
  },

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
  },

  placeMarks() {
    if (this.marks) placeMarks(this.find(".marks"), this.marks, (scale) => this.part(scale));
  },

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
  },

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
  },
});
