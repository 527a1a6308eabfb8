// The class picker, the large picture and the help sheet: native dialogs, so that focus is kept
// inside them and Escape closes them.

class ClassPicker {
  constructor(dialog, choose) {
    this.dialog = dialog;
    this.title = dialog.querySelector(".title");
    this.filter = dialog.querySelector(".filter");
    this.list = dialog.querySelector(".classes");
    this.what = dialog.querySelector(".what");
    this.choose = choose;
    this.active = 0;
    this.shown = [];
    this.filter.addEventListener("input", () => this.render(0));
    dialog.addEventListener("keydown", (event) => this.onKey(event));
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) this.dialog.close();
      const option = event.target.closest("[role=option]");
      if (option) this.take(Number(option.dataset.at));
    });
  }

  open(classes, count, typed) {
    this.classes = classes;
    this.count = count;
    this.title.textContent = count > 1 ? `Relabel ${count} images as …` : "Relabel as …";
    this.filter.value = typed;
    this.render(0);
    this.dialog.showModal();
    this.filter.focus();
  }

  render(active) {
    const needle = this.filter.value.trim().toLocaleLowerCase();
    const rank = (name) => {
      const at = name.toLocaleLowerCase().indexOf(needle);
      return at < 0 ? 2 : at === 0 ? 0 : 1;
    };
    this.shown = this.classes
      .map((name, i) => ({ name, i, order: rank(name) }))
      .filter((entry) => entry.order < 2)
      .sort((a, b) => a.order - b.order || a.i - b.i);
    this.active = Math.max(0, Math.min(active, this.shown.length - 1));
    this.list.replaceChildren(...this.shown.map((entry, at) => {
      const option = create("div", "class");
      option.id = `air-class-${at}`;
      option.dataset.at = `${at}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", at === this.active ? "true" : "false");
      option.append(create("kbd", "", entry.i < 10 ? `${(entry.i + 1) % 10}` : ""), create("span", "", entry.name));
      return option;
    }));
    const chosen = this.shown[this.active];
    this.filter.setAttribute("aria-activedescendant", chosen ? `air-class-${this.active}` : "");
    this.list.children[this.active]?.scrollIntoView({ block: "nearest" });
    const what = this.count > 1 ? `${this.count} images` : "this image";
    this.what.textContent = chosen ? `Enter: relabel ${what} as ${chosen.name}` : "No class matches.";
  }

  onKey(event) {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step) this.render(this.active + step);
    else if (event.key === "Enter") this.take(this.active);
    else return;
    event.preventDefault();
  }

  take(at) {
    const chosen = this.shown[at];
    if (!chosen) return;
    this.dialog.close();
    this.choose(chosen.name);
  }
}

class LargePicture {
  constructor(dialog, onKey) {
    this.dialog = dialog;
    this.picture = dialog.querySelector(".large");
    this.picture.addEventListener("load", () => {
      this.picture.classList.toggle("tiny", this.picture.naturalWidth <= 96);
    });
    this.title = dialog.querySelector(".title");
    this.facts = dialog.querySelector("dl");
    dialog.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === " " && !event.target.closest("button")) {
        event.preventDefault();
        dialog.close();
      } else if (event.key !== "Escape") onKey(event);
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  }

  show(item, position, total, url) {
    this.title.textContent = `Image ${position} of ${total}`;
    if (this.picture.getAttribute("src") !== url) this.picture.src = url;
    this.picture.alt = describe(item, position, total);
    const facts = [
      ["Given", item.given ?? NO_LABEL],
      ["Suggested", item.suggested == null ? "" : differs(item) ? item.suggested : `${item.suggested} (the same)`],
      ["Confidence", percent(item.confidence)],
      ["Score", item.score == null ? "" : `${item.score.toFixed(4)} (1 clean, 0 worst)`],
      ["Rank", item.rank == null ? "" : `${item.rank}`],
      ["Decision", item.decision ? MARKS[item.decision](item) : item.border ? "" : "none yet"],
      ["Check", item.border ? MARKS[item.border](item) : ""],
      ...(item.details ?? []),
      ["File", item.path],
    ];
    this.facts.replaceChildren(...facts.filter(([, value]) => value).map(([name, value]) => {
      const row = create("div");
      row.append(create("dt", "", name), create("dd", "", value));
      return row;
    }));
    if (this.dialog.open) return;
    this.dialog.showModal();
    // Not the first button: the keys of the grid work here too.
    this.dialog.focus();
  }
}
