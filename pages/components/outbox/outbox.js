// What a review grid left behind when its page was left: sent from the frame, and shown until stored.

class Outbox {
  constructor(root) {
    this.root = root;
    this.queue = null;
  }

  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    const queue = OperationQueue.of(data.workspace, data.name, data.owner);
    if (this.queue !== queue) this.close();
    this.queue = queue;
    queue.connect("frame", this);
    // While there is a grid it hears of its own operations, and says what was refused.
    if (!queue.senders.grid) {
      const before = queue.pending.length;
      const { refused } = queue.acknowledge(data);
      if (queue.pending.length < before) this.refused = ""; // what came after it is stored
      if (refused.length) this.refused = data.rejected[operationId(refused[refused.length - 1])];
    }
    this.paint();
  }

  send(operations) {
    this.setStateValue("operations", operations);
  }

  paint() {
    const waiting = this.queue.senders.grid ? 0 : this.queue.pending.length;
    const met = this.queue.senders.grid ? 0 : this.queue.conflicts.size;
    const text = waiting ? `unsaved: ${waiting}`
      : met ? `changed by others meanwhile: ${met}, see Review` : (this.refused ?? "");
    this.root.textContent = text;
    this.root.classList.toggle("filled", text !== "");
  }

  close() {
    this.queue?.disconnect("frame", this);
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".air-outbox");
  return mounted(root, (node) => new Outbox(node), component);
}
