// The controller: hears which image has the focus, asks the server about it, and shows the answer.

const QUIET_MS = 250;
const SETTLE_MS = 130;
const FOLD_KEY = "air-audit:why-folded";
const NARROW = 1200; // pixels

class Panel {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.item = null;
    this.lastFocus = 0;
    this.picture = new Picture(root);
    this.neighbours = new Neighbours(root, (ids) => this.setTriggerValue("review", ids));
    this.onFocus = (event) => this.hear(event.detail);
    document.addEventListener("air-audit:focus", this.onFocus);
    this.onResize = () => this.fit();
    window.addEventListener("resize", this.onResize);
    this.resized = new ResizeObserver(() => {
      this.fit();
      this.paintCurves();
    });
    this.resized.observe(root);
    const page = root.getRootNode().host?.closest("[data-testid=stMainBlockContainer]");
    if (page) this.resized.observe(page);
    // Streamlit takes C and R (and more to come) from anywhere in the page.
    for (const type of ["keydown", "keyup", "keypress"]) {
      root.addEventListener(type, (event) => event.stopPropagation());
    }
    root.addEventListener("chosen", (event) => this.markClass(event.detail));
    this.find(".fold").addEventListener("click", () => {
      writeSetting(FOLD_KEY, this.data.folded ? "no" : "yes");
      this.fold(!this.data.folded);
    });
    this.find(".again").addEventListener("click", () => this.load());
    this.find(".classes ul").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const index = Number(button.dataset.index);
      const again = this.picture.chosen === index;
      this.picture.choose(again ? -1 : index, { name: button.dataset.name });
    });
  }

  // ---- data from Python -------------------------------------------------------------------

  update({ data, setStateValue, setTriggerValue }) {
    this.setStateValue = setStateValue;
    this.setTriggerValue = setTriggerValue;
    const before = this.data;
    this.find(".fold").hidden = data.wide;
    this.paintFold(data.folded);
    this.data = data;
    this.root.dataset.dark = isDark(this.root) ? "yes" : "no";
    this.fit();
    const asked = ({ version, model, scale }) => [version, model, scale].join();
    if (!before && !data.wide && !data.folded && this.beginsFolded()) return this.fold(true);
    if (!before || before.folded) this.hear(window.airAuditFocus ?? {});
    else if (this.item && asked(before) !== asked(data)) this.later(SETTLE_MS);
  }

  // As it was left; before that, a narrow window has no room for two columns.
  beginsFolded() {
    const left = readSetting(FOLD_KEY);
    return left === null ? window.innerWidth < NARROW : left === "yes";
  }

  // Python gives the panel its room, so it is told.
  fold(folded) {
    if (folded) {
      clearTimeout(this.timer);
      this.request?.abort();
      this.item = null;
      this.lastFocus = 0;
    }
    this.data = { ...this.data, folded };
    this.paintFold(folded);
    this.setStateValue("folded", folded);
    if (!folded) this.hear(window.airAuditFocus ?? {});
  }

  paintFold(folded) {
    const button = this.find(".fold");
    this.root.dataset.folded = folded ? "yes" : "no";
    button.setAttribute("aria-expanded", folded ? "false" : "true");
    button.title = folded ? "Show why an image is flagged" : "Fold this panel away";
    button.setAttribute("aria-label", `Why is this flagged? ${button.title}`);
  }

  hear({ grid, item }) {
    if (!this.data || this.data.folded || grid !== this.data.grid || item === this.item) return;
    this.item = item ?? null;
    this.focusedAt = performance.now();
    const quiet = this.focusedAt - this.lastFocus > QUIET_MS;
    this.lastFocus = this.focusedAt;
    // At once after a pause; while the arrow keys are held, only where they stop.
    this.later(quiet ? 0 : SETTLE_MS);
  }

  later(wait) {
    clearTimeout(this.timer);
    this.request?.abort();
    if (!this.item) return this.state("empty");
    this.busy(true);
    if (wait) this.timer = setTimeout(() => this.load(), wait);
    else this.load();
  }

  addresses() {
    const { baseUrl, workspace, version, models, model, scale } = this.data;
    const query = (v) => new URLSearchParams({ v, model, ...(scale == null ? {} : { scale }) });
    const picture = (size) => (item) => `${baseUrl}/${size}/${item}?v=${encodeURIComponent(workspace)}`;
    return {
      thumb: picture("thumb"),
      image: picture("image"),
      why: (item) => `${baseUrl}/why/${item}?${query(version)}`,
      heat: (item, index) => `${baseUrl}/heat/${item}/${index}.png?${query(models)}`,
    };
  }

  async load() {
    const item = this.item;
    const addresses = this.addresses();
    this.request?.abort();
    this.request = new AbortController();
    const { signal } = this.request;
    this.busy(true);
    if (this.root.dataset.state !== "shown") this.state("loading");
    try {
      const answer = await fetch(addresses.why(item), { signal });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.error);
      this.show(found, addresses, signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.fail(error instanceof Error && error.message && !(error instanceof TypeError) && !(error instanceof SyntaxError)
        ? error.message : "The server cannot be reached.");
    }
  }

  // ---- drawing ----------------------------------------------------------------------------

  state(name) {
    this.root.dataset.state = name;
    this.busy(name === "loading");
    for (const part of ["empty", "loading", "failed"]) this.find(`.${part}`).hidden = name !== part;
    this.find(".body").hidden = name !== "shown";
  }

  busy(is) {
    this.root.dataset.busy = is ? "yes" : "no";
    this.root.setAttribute("aria-busy", is ? "true" : "false");
  }

  fail(sentence) {
    this.state("failed");
    this.find(".failed p").textContent = sentence;
  }

  show(found, addresses, signal) {
    if (this.found?.item !== found.item) this.root.scrollTop = 0;
    this.found = found;
    this.find(".said").replaceChildren(...found.summary.map(([text, name]) => create(name ? "b" : "span", "", text)));
    this.state("shown");
    this.neighbours.show(found, addresses);
    this.paintClasses();
    this.drawnWidth = null;
    this.paintCurves();
    this.paintOpinions();
    this.picture.show(found, addresses, signal);
    this.root.dataset.item = found.item;
    // For measuring: from the focus to what is painted.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      this.root.dataset.paint = `${Math.round(performance.now() - this.focusedAt)}`;
    }));
  }

  paintClasses() {
    const { classes, class_count: total, multilabel } = this.found;
    const most = Math.max(...classes.map((one) => one.activation), 1e-12);
    const names = multilabel
      ? { given: "take away", suggested: "add", both: "has it" }
      : { given: "given", suggested: "suggested", both: "given and suggested" };
    this.find(".classes .aside").textContent = total > classes.length
      ? `${classes.length} of ${total} · probability` : "probability";
    this.find(".classes ul").replaceChildren(...classes.map((one) => {
      const role = one.given ? (one.suggested ? "both" : "given") : one.suggested ? "suggested" : "";
      const item = create("li");
      const button = create("button");
      button.type = "button";
      button.dataset.index = `${one.index}`;
      button.dataset.name = one.name;
      if (role) button.dataset.role = role;
      const track = create("span", "track");
      const bar = create("span", "bar");
      bar.style.width = `${(role ? 55 : 92) * one.activation / most}%`;
      track.append(bar, create("span", "role", names[role] ?? ""));
      button.append(create("span", "name", one.name), track, create("span", "value", percent(one.probability)));
      button.title = `${one.name}: activation ${short(one.activation)}, probability ${percent(one.probability)}. Press to see its regions.`;
      button.setAttribute("aria-label", [
        one.name, names[role], `activation ${short(one.activation)}`, `probability ${percent(one.probability)}`, "show its regions",
      ].filter(Boolean).join(", "));
      item.append(button);
      return item;
    }));
  }

  markClass(index) {
    for (const button of this.root.querySelectorAll(".classes ul button")) {
      button.setAttribute("aria-pressed", Number(button.dataset.index) === index ? "true" : "false");
    }
  }

  paintCurves() {
    if (this.root.dataset.state !== "shown") return;
    const box = this.find(".charts");
    const columns = getComputedStyle(box).gridTemplateColumns.split(" ").length;
    const width = Math.round((box.clientWidth - 14 * (columns - 1)) / columns);
    if (!this.found || width < 40 || width === this.drawnWidth) return;
    this.drawnWidth = width;
    const { epochs, path_activation: active, path_margin: margin, alike, paper_scale: paper, fit_scale: fitted } = this.found;
    const times = (value) => `${Number(value.toPrecision(3))}×`;
    const live = this.data.scale;
    const now = live ?? fitted ?? paper;
    const marks = [{ value: now, text: live == null ? "like the fit" : "now", kind: "now" }];
    // Two marks at one place say one thing.
    if (Math.abs(Math.log(now / paper)) < 0.02) marks[0].text = live == null ? "paper, fit" : "paper, now";
    else marks.unshift({ value: paper, text: "paper", kind: "paper" });
    const over = { axis: times, at: now, marks, alike };
    const parts = [];
    if (epochs) {
      parts.push(chart({ title: "Activation", curve: epochs, width, axis: (n) => `epoch ${n}`, at: epochs.x[epochs.x.length - 1], alike }));
    } else parts.push(create("p", "none", "No activations over epochs: the image has no label, or the solver has no epochs."));
    if (active) parts.push(chart({ title: "Activation", curve: active, width, ...over }));
    if (margin) {
      const wide = chart({ title: "Margin", curve: margin, zero: true, width: box.clientWidth, ...over });
      wide.classList.add("wide");
      parts.push(wide);
    }
    if (!active) {
      parts.push(create("p", "none", this.found.has_path
        ? "No activations over λ: the image has no label."
        : "Over λ: solve the λ path, with the slider of the review page, to see it."));
    }
    box.replaceChildren(...parts);
    this.find(".key .alike").textContent = alike;
    this.find(".key").hidden = !epochs && !active;
    this.find(".of-margin").hidden = !margin;
  }

  paintOpinions() {
    this.find(".opinions tbody").replaceChildren(...this.found.opinions.map((one) => {
      const row = create("tr");
      if (one.detector === this.data.detector) row.setAttribute("aria-current", "true");
      const name = create("th", "", one.title);
      name.scope = "row";
      const says = create("td");
      if (one.flagged) says.append(create("span", "flag", "→ "), one.suggested || "no tag");
      else says.append(one.score == null ? one.suggested : "agrees");
      says.append(" ", create("span", "sure", percent(one.confidence)));
      row.append(name, says,
        create("td", "number", one.score == null ? "–" : one.score.toFixed(3)),
        create("td", "number", one.score == null ? "–" : one.rank.toLocaleString("en")));
      row.lastChild.title = `of ${one.of.toLocaleString("en")}; 1 is the worst`;
      return row;
    }));
  }

  // Beside a grid the panel reaches down to where the window ends.
  fit() {
    if (!this.data || this.data.wide || !this.root.isConnected) return;
    const page = this.root.getRootNode().host?.closest("[data-testid=stMainBlockContainer]");
    const above = this.root.getBoundingClientRect().top + (page?.parentElement?.scrollTop ?? window.scrollY);
    const below = page ? parseFloat(getComputedStyle(page).paddingBottom) : 24;
    const height = Math.max(420, window.innerHeight - above - below);
    if (Math.abs(height - (this.height ?? 0)) < 2) return;
    this.height = height;
    this.root.style.setProperty("--height", `${Math.round(height)}px`);
  }

  close() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.picture.close();
    this.resized.disconnect();
    window.removeEventListener("resize", this.onResize);
    document.removeEventListener("air-audit:focus", this.onFocus);
  }
}

function isDark(node) {
  const [red, green, blue] = (getComputedStyle(node).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}

export default function (component) {
  const root = component.parentElement.querySelector(".air-why");
  return mounted(root, (node) => new Panel(node), component);
}
