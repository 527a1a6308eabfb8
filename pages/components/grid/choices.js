// What the reviewer decides: one operation for all images selected, shown at once.

const SPOKEN = { keep: "Kept", exclude: "Excluded", unsure: "Marked unsure", relabel: "Relabelled" };
// From so many images on, a key asks before it acts; a button or a dialog has named the number.
const ASK_FROM = 20;
const LISTED = 10;

Object.assign(Grid.prototype, {
  // `action` is one of the four, or "accept"; `label` a class for all, or a function of the item.
  // A dialog passes what it was opened on: another ranking may have come meanwhile.
  decide(action, label = null, { asked = false, on = this.inView() } = {}) {
    const { targets, basis } = on;
    if (this.data.readonly || !targets.length) return;
    const decisions = targets.map((item) => this.decisionOn(item, action, label));
    if (!asked && targets.length >= ASK_FROM) {
      this.confirm(action, decisions, () => this.carryOut(targets, decisions, basis));
    } else this.carryOut(targets, decisions, basis);
  },

  inView() {
    return { targets: this.targets(), basis: this.data.basis };
  },

  decisionOn(item, action, label) {
    const seen = item.met ? item.met.theirs.seen : item.seen;
    const saw = [item.suggested ?? null, item.score ?? null, seen ?? null];
    if (action === "accept") {
      return differs(item) ? [item.id, "relabel", item.suggested, ...saw] : [item.id, "keep", null, ...saw];
    }
    return [item.id, action, typeof label === "function" ? label(item) : label, ...saw];
  },

  confirm(action, decisions, then) {
    const parts = new Map();
    for (const [, what, label] of decisions) {
      const name = label === null ? SPOKEN[what] : `→ ${label}`;
      parts.set(name, (parts.get(name) ?? 0) + 1);
    }
    const sorted = [...parts].sort((a, b) => b[1] - a[1]);
    const rest = sorted.slice(LISTED).reduce((sum, [, count]) => sum + count, 0);
    const lines = rest ? [...sorted.slice(0, LISTED), ["→ other labels", rest]] : sorted;
    const verb = { accept: "Accept", keep: "Keep", exclude: "Exclude", unsure: "Be unsure about", relabel: "Relabel" };
    const what = action === "accept" ? "suggestions" : "images";
    this.confirmation.ask(`${verb[action]} ${decisions.length} ${what}?`, lines, then);
  },

  carryOut(targets, decisions, basis) {
    const before = targets.map((item) => [item.id, item.decision, item.label]);
    const operation = this.queue.add("decide", basis, decisions, decisions);
    this.made.push({ id: operationId(operation), before, after: operation.decisions });
    this.unmade = [];
    this.renderSome(decisions.map(([id]) => id));
    this.say(decisions);
    this.advance(targets);
  },

  // On to the next image, so that a run of keys is a run of decisions.
  advance(targets) {
    const last = this.rows.get(targets[targets.length - 1].id);
    if (last === undefined) return; // another ranking has come meanwhile
    const next = this.items[Math.min(last + 1, this.items.length - 1)];
    this.focus(next.id, { grab: true });
    const [page, pages] = this.data.page;
    this.find(".end").hidden = last + 1 < this.items.length || page === pages;
    if (this.zoom.dialog.open) this.openZoom();
  },

  step(kind) {
    if (this.data.readonly) return;
    const [from, to] = kind === "undo" ? [this.made, this.unmade] : [this.unmade, this.made];
    const change = from.pop();
    if (change) to.push(change);
    const shows = change ? (kind === "undo" ? change.before : change.after) : [];
    this.queue.add(kind, this.data.basis, [], shows, change?.id ?? null);
    this.renderSome(shows.map(([id]) => id));
    const back = shows.find(([id]) => this.rows.has(id));
    if (back) this.focus(back[0], { grab: true });
    else this.awaited = shows[0]?.[0] ?? null; // a filter had taken it away
    if (this.zoom.dialog.open) this.openZoom();
    this.find(".spoken").textContent = kind === "undo" ? "Undone" : "Redone";
  },

  // Nothing of these was stored: there is nothing to undo.
  forget(operations) {
    const gone = new Set(operations.map(operationId));
    this.made = this.made.filter((change) => !gone.has(change.id));
    this.unmade = this.unmade.filter((change) => !gone.has(change.id));
  },

  // Switch tags on and off: each image keeps its others.
  retag(wanted, how = {}) {
    const { classes } = this.data;
    this.decide("relabel", (item) => {
      const tags = new Set(this.tagsInForce(item));
      for (const [name, on] of wanted) on ? tags.add(name) : tags.delete(name);
      return tagsText(tags, classes);
    }, how);
  },

  tagsInForce(item) {
    return tagsOf(item.decision === "relabel" ? item.label : item.given, this.data.classes);
  },

  pick() {
    const on = this.inView();
    const { targets } = on;
    if (!targets.length || this.data.readonly) return;
    const tags = this.data.multilabel ? targets.map((item) => this.tagsInForce(item)) : null;
    this.picker.open(this.data.classes, targets.length, tags, {
      choose: (label) => this.decide("relabel", label, { asked: true, on }),
      retag: (wanted) => this.retag(wanted, { asked: true, on }),
    });
  },

  chooseNumber(at) {
    const label = this.data.classes[at];
    if (label === undefined) return;
    if (!this.data.multilabel) return this.decide("relabel", label);
    const all = this.targets().every((item) => this.tagsInForce(item).includes(label));
    this.retag(new Map([[label, !all]]));
  },

  say(decisions) {
    const [, action, label] = decisions[0];
    const what = decisions.length > 1 ? `${decisions.length} images: ` : "";
    this.find(".spoken").textContent = `${what}${SPOKEN[action]}${label ? ` as ${label}` : ""}`;
  },

  notify(message) {
    this.find(".notice span").textContent = message;
    this.find(".notice").hidden = false;
  },
});
