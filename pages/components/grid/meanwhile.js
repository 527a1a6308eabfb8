// Somebody else was quicker: their decision stands, the reviewer's own waits for a choice.

Object.assign(Grid.prototype, {
  // What the two buttons are about: the selected ones among them, or all there are.
  inConflict() {
    const all = this.queue ? [...this.queue.conflicts.keys()] : [];
    const chosen = new Set(this.targets().map((item) => item.id));
    const pointed = all.filter((id) => chosen.has(id));
    return pointed.length ? pointed : all;
  },

  paintConflicts() {
    const bar = this.find(".conflicts");
    const met = this.queue?.conflicts ?? new Map();
    bar.hidden = met.size === 0;
    if (bar.hidden) return;
    const ids = this.inConflict();
    const many = ids.length > 1;
    const { theirs, mine } = met.get(ids[0]);
    const who = [...new Set(ids.map((id) => met.get(id).theirs.reviewer))].join(", ");
    const own = SPOKEN[mine[1]].toLowerCase() + (mine[2] === null ? "" : ` as ${mine[2]}`);
    const text = many
      ? `${who} changed ${ids.length} images while you decided on them.`
      : `Changed by ${who} meanwhile: ${verdict(theirs)}. You: ${own}.`;
    const more = met.size > ids.length ? ` (1 of ${met.size})`.replace("1", `${ids.length}`) : "";
    this.find(".conflicts .text").textContent = text + more;
    this.find("[data-do=theirs]").textContent = many ? `Accept theirs (${ids.length})` : "Accept theirs";
    this.find("[data-do=mine]").textContent = many ? `Overwrite with mine (${ids.length})` : "Overwrite with mine";
    this.find("[data-do=show-met]").hidden = !ids.some((id) => this.rows.has(id));
  },

  acceptTheirs() {
    const ids = this.inConflict();
    this.queue.settle(ids);
    this.renderSome(ids);
    this.find(".spoken").textContent = `Left ${ids.length} as decided by others`;
  },

  overwriteTheirs() {
    const ids = this.inConflict();
    const parts = new Map(); // one operation for all that was decided by the same ranking
    for (const id of ids) {
      const { mine, theirs, basis } = this.queue.conflicts.get(id);
      // What led to it stays; who insists signs it.
      const signed = { ...(basis ?? this.data.basis), reviewer: this.data.basis.reviewer };
      const key = JSON.stringify(signed);
      if (!parts.has(key)) parts.set(key, { basis: signed, decisions: [] });
      parts.get(key).decisions.push([...mine.slice(0, 5), theirs.seen]);
    }
    for (const { basis, decisions } of parts.values()) {
      const before = decisions.map(([id]) => this.items[this.rows.get(id)]).filter(Boolean)
        .map((item) => [item.id, item.decision, item.label]);
      const operation = this.queue.add("decide", basis, decisions, decisions);
      this.made.push({ id: operationId(operation), before, after: decisions });
      this.say(decisions);
    }
    this.unmade = [];
    this.renderSome(ids);
  },

  showConflict() {
    const id = this.inConflict().find((one) => this.rows.has(one));
    if (id !== undefined) this.focus(id);
  },
});
