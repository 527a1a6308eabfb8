// The queue of decisions: numbered, kept in session storage until Python says it has stored them.

const RETRY_MS = 4000;
const operationId = (operation) => `${operation.client}:${operation.n}`;

// Every load of the browser's page gets a client id of its own. Operations left over from before a
// reload keep the id they were made under, so a resend (or a duplicated tab, which copies session
// storage) is recognised by the label store, and new numbers never clash with old ones.
function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

class OperationQueue {
  // One for each workspace and grid, shared by all components and as old as the browser's page: a
  // grid ends with its page of the interface, often before Python has answered.
  // `owner` is who has logged in, if people do: what somebody else left here waits for them.
  static of(workspace, name, owner) {
    // The part before the dash outlives a new import.
    const lasting = workspace.split("-")[0];
    const storageKey = ["air-audit", lasting, name, owner].filter(Boolean).join(":");
    const queues = (window.airAuditQueues ??= new Map());
    if (!queues.has(storageKey)) queues.set(storageKey, new OperationQueue(storageKey, lasting));
    return queues.get(storageKey);
  }

  constructor(storageKey, workspace) {
    this.storageKey = storageKey;
    this.workspace = workspace;
    this.client = newClientId();
    this.number = 0;
    this.inFlight = null;
    this.timer = 0;
    this.unanswered = false;
    this.tries = 0; // a resend begins the page's run anew, so a slow one needs ever more time
    this.senders = {};
    this.pending = this.load(storageKey);
    // Item id → what the reviewer decided, and what somebody else had decided first. Kept until one
    // of the two is chosen.
    this.conflicts = new Map(this.load(`${storageKey}:met`));
    window.addEventListener("beforeunload", (event) => {
      if (this.pending.length) event.preventDefault();
    });
  }

  // The grid sends while there is one, since only its part of the page runs anew then. A server that
  // was started anew does not know that part: what got no answer goes the way of the whole page.
  get sender() {
    const { grid, frame } = this.senders;
    return this.unanswered ? (frame ?? grid) : (grid ?? frame);
  }

  connect(role, sender) {
    this.senders[role] = sender;
    this.pump();
  }

  disconnect(role, sender) {
    if (this.senders[role] !== sender) return; // its successor is there already
    delete this.senders[role];
    // What it sent last may have gone with it; sent twice counts once.
    this.landed();
    this.pump();
    this.senders.frame?.paint?.();
  }

  // `of` names the operation that an undo or a redo is about, where this page has made it.
  add(kind, basis, decisions, shows, of = null) {
    const operation = { client: this.client, n: ++this.number, kind, basis, decisions, shows, of };
    this.pending.push(operation);
    this.settle(decisions.map(([id]) => id));
    this.save();
    this.pump();
    return operation;
  }

  // Drop what Python holds; answer with the operations that it refused, and with all of which
  // nothing was stored.
  acknowledge({ ack, rejected, conflicts }) {
    const settled = (operation) => operation.n <= (ack[operation.client] ?? 0);
    const refused = this.pending.filter((op) => settled(op) && operationId(op) in rejected);
    const nothing = [...refused];
    for (const operation of this.pending.filter(settled)) {
      const met = conflicts[operationId(operation)];
      if (!met) continue;
      if (operation.decisions.every(([id]) => id in met)) nothing.push(operation);
      for (const mine of operation.decisions) {
        if (!(mine[0] in met)) continue;
        this.conflicts.set(mine[0], { mine, theirs: met[mine[0]], basis: operation.basis });
      }
    }
    this.keep(`${this.storageKey}:met`, [...this.conflicts]);
    const before = this.pending.length;
    this.pending = this.pending.filter((operation) => !settled(operation));
    if (this.pending.length !== before) this.save();
    if (this.inFlight && !this.pending.some((op) => operationId(op) === this.inFlight)) {
      this.landed();
      this.unanswered = false;
      this.tries = 0;
    }
    this.pump();
    return { refused, nothing };
  }

  // One send at a time, always of everything unacknowledged: Streamlit keeps only the newest state.
  pump() {
    if (this.inFlight || !this.pending.length || !this.sender) return;
    this.inFlight = operationId(this.pending[this.pending.length - 1]);
    this.timer = setTimeout(() => {
      this.landed();
      this.unanswered = true;
      this.pump();
    }, RETRY_MS * 2 ** Math.min(this.tries++, 4));
    // A new server is sent the last state again, perhaps for another workspace: each names its own.
    const { workspace } = this;
    this.sender.send(this.pending.map(({ shows, ...operation }) => ({ ...operation, workspace })));
  }

  landed() {
    clearTimeout(this.timer);
    this.inFlight = null;
  }

  // What the reviewer should already see: item id → [action, label].
  overlay() {
    const shown = new Map();
    for (const operation of this.pending) {
      for (const [id, action, label] of operation.shows ?? []) shown.set(id, [action, label]);
    }
    return shown;
  }

  // These images are decided anew, or left to whoever decided first.
  settle(ids) {
    for (const id of ids) this.conflicts.delete(id);
    this.keep(`${this.storageKey}:met`, [...this.conflicts]);
  }

  load(key) {
    try {
      const stored = JSON.parse(sessionStorage.getItem(key) ?? "[]");
      return Array.isArray(stored) ? stored : [];
    } catch {
      return [];
    }
  }

  save() {
    this.keep(this.storageKey, this.pending);
  }

  keep(key, list) {
    try {
      if (list.length) sessionStorage.setItem(key, JSON.stringify(list));
      else sessionStorage.removeItem(key);
    } catch {
      // Storage is full or switched off: the queue still holds them, and leaving asks first.
    }
  }
}
