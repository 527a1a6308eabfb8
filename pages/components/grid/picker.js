// The class picker: type, then Enter. Where an image may have several labels, Enter switches one on
// or off and Ctrl+Enter is done.

// A label text as the list of its tags; the other way round of tagsText.
function tagsOf(text, classes) {
  const trimmed = (text ?? "").trim();
  if (classes.includes(trimmed)) return [trimmed];
  if (trimmed.startsWith("[")) {
    try {
      const list = JSON.parse(trimmed);
      if (Array.isArray(list)) return list;
    } catch {
      // A name that begins with a bracket.
    }
  }
  return trimmed.split(";").map((tag) => tag.trim()).filter(Boolean);
}

function tagsText(tags, classes) {
  const sorted = [...tags].sort();
  const plain = sorted.join("; ");
  return tagsOf(plain, classes).join("\n") === sorted.join("\n") && sorted.length ? plain : JSON.stringify(sorted);
}

class ClassPicker {
  constructor(dialog) {
    this.dialog = dialog;
    this.title = dialog.querySelector(".title");
    this.filter = dialog.querySelector(".filter");
    this.list = dialog.querySelector(".classes");
    this.what = dialog.querySelector(".what");
    this.done = dialog.querySelector(".done");
    this.active = 0;
    this.shown = [];
    this.filter.addEventListener("input", () => this.render(0));
    this.done.addEventListener("click", () => this.finish());
    dialog.addEventListener("keydown", (event) => this.onKey(event));
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) this.dialog.close();
      const option = event.target.closest("[role=option]");
      if (option) this.take(Number(option.dataset.at));
    });
  }

  // `tags`: for each image the tags that it has, or null where an image has one label. `then` takes
  // the answer: `choose(label)` one class, `retag(wanted)` a map of tags to whether to have them.
  open(classes, count, tags, then) {
    this.then = then;
    this.classes = classes;
    this.count = count;
    this.tags = tags;
    this.wanted = new Map();
    this.title.textContent = count > 1 ? `Relabel ${count} images as …` : "Relabel as …";
    this.filter.value = "";
    this.done.hidden = tags === null;
    this.list.setAttribute("aria-multiselectable", tags === null ? "false" : "true");
    this.render(0);
    this.dialog.showModal();
    this.filter.focus();
  }

  // "on" where all images have (or shall have) the tag, "some" where a few have it.
  stateOf(name) {
    if (this.wanted.has(name)) return this.wanted.get(name) ? "on" : "off";
    const having = this.tags.filter((tags) => tags.includes(name)).length;
    return having === 0 ? "off" : having === this.tags.length ? "on" : "some";
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
    this.list.replaceChildren(...this.shown.map((entry, at) => this.option(entry, at)));
    const chosen = this.shown[this.active];
    this.filter.setAttribute("aria-activedescendant", chosen ? `air-class-${this.active}` : "");
    this.list.children[this.active]?.scrollIntoView({ block: "nearest" });
    this.what.textContent = chosen ? this.consequence(chosen.name) : "No class matches.";
  }

  option({ name, i }, at) {
    const option = create("div", "class");
    option.id = `air-class-${at}`;
    option.dataset.at = `${at}`;
    option.setAttribute("role", "option");
    option.classList.toggle("active", at === this.active);
    const state = this.tags && this.stateOf(name);
    option.setAttribute("aria-selected", (state ? state === "on" : at === this.active) ? "true" : "false");
    if (state) option.append(create("span", "box", { on: "✓", some: "–", off: "" }[state]));
    option.append(create("kbd", "", i < 10 ? `${(i + 1) % 10}` : ""), create("span", "", name));
    return option;
  }

  consequence(name) {
    const what = this.count > 1 ? `${this.count} images` : "this image";
    if (this.tags === null) return `Enter: relabel ${what} as ${name}`;
    return `Enter: ${this.stateOf(name) === "on" ? "take" : "give"} ${name} ${
      this.stateOf(name) === "on" ? "from" : "to"} ${what} · Ctrl+Enter: done`;
  }

  onKey(event) {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step) this.render(this.active + step);
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && this.tags) this.finish();
    else if (event.key === "Enter" && !event.target.closest("button")) this.take(this.active);
    else return;
    event.preventDefault();
  }

  take(at) {
    const chosen = this.shown[at];
    if (!chosen) return;
    if (this.tags) {
      this.wanted.set(chosen.name, this.stateOf(chosen.name) !== "on");
      this.filter.select();
      this.render(at);
      return;
    }
    this.dialog.close();
    this.then.choose(chosen.name);
  }

  finish() {
    this.dialog.close();
    if (this.wanted.size) this.then.retag(this.wanted);
  }
}
