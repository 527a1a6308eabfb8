// What a person asks for: one message in flight, the newest move kept, the next sent when the server
// has answered with what it drew.

const ANSWER_MS = 5000;

class Sender {
  constructor() {
    this.number = 0;
    this.waiting = [];
    this.inFlight = null;
  }

  connect(send, acknowledged) {
    this.send = send;
    // Numbers go on where an earlier slider of this session left off.
    this.number = Math.max(this.number, acknowledged);
    this.waiting = this.waiting.filter((one) => one.n > acknowledged);
    if (this.inFlight !== null && acknowledged >= this.inFlight) this.landed();
    this.pump();
  }

  // Of moves only the newest matters; everything else is kept in order.
  ask(what) {
    if (what.kind === "move") {
      this.waiting = this.waiting.filter((one) => one.kind !== "move" || one.n <= (this.inFlight ?? 0));
    }
    this.waiting.push({ n: ++this.number, ...what });
    this.pump();
  }

  get busy() {
    return this.inFlight !== null || this.waiting.length > 0;
  }

  pump() {
    if (this.inFlight !== null || !this.waiting.length || !this.send) return;
    this.inFlight = this.number;
    this.timer = setTimeout(() => { this.landed(); this.pump(); }, ANSWER_MS);
    this.send(this.waiting.slice());
  }

  landed() {
    clearTimeout(this.timer);
    this.inFlight = null;
  }

  close() {
    clearTimeout(this.timer);
    this.send = null;
  }
}
