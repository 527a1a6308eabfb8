// One tile per item, keyed by id. Names come from files, so they are only ever set as text.

const FIELDS = ["id", "given", "suggested", "confidence", "score", "rank", "decision", "label",
  "path", "border", "details", "row", "seen", "by"];
const toItem = (row) => Object.fromEntries(FIELDS.map((field, i) => [field, row[i]]));

const MARKS = {
  keep: () => "✓ kept",
  relabel: (item) => `→ ${item.label ?? "relabelled"}`,
  exclude: () => "✕ excluded",
  unsure: () => "? unsure",
  agree: () => "✓ agrees",
  disagree: () => "✗ differs",
  met: (item) => `⚠ ${item.met.theirs.reviewer}: ${verdict(item.met.theirs)}`,
};
const verdict = ({ action, label }) => (action ? MARKS[action]({ label }) : "taken back");
const markOf = (item) => (item.met ? "met" : item.border ?? item.decision ?? "none");
const percent = (share) => (share == null ? "" : `${Math.round(100 * share)} %`);
const NO_LABEL = "no label";
const differs = (item) => item.suggested != null && item.suggested !== item.given;

function create(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text != null) node.textContent = text;
  return node;
}

function describe(item, position, total) {
  const parts = [`Image ${position} of ${total}`, `given ${item.given ?? NO_LABEL}`];
  if (differs(item)) {
    parts.push(`suggested ${item.suggested}${item.confidence == null ? "" : `, ${percent(item.confidence)} sure`}`);
  } else if (item.suggested != null) parts.push("the detector agrees");
  if (item.score != null) parts.push(`score ${item.score.toFixed(3)}`);
  if (markOf(item) !== "none") parts.push(MARKS[markOf(item)](item));
  return parts.join(", ");
}

class Tile {
  constructor(id) {
    this.id = id;
    this.signature = "";
    this.node = create("div", "tile");
    this.node.dataset.id = id;
    this.node.setAttribute("role", "option");
    this.node.setAttribute("aria-selected", "false");
    this.node.tabIndex = -1;
    this.frame = create("div", "frame");
    this.picture = create("img");
    this.picture.loading = "lazy";
    this.picture.decoding = "async";
    this.picture.draggable = false;
    this.picture.alt = "";
    this.picture.addEventListener("load", () => {
      this.picture.classList.toggle("tiny", this.picture.naturalWidth <= 64);
      this.frame.classList.remove("missing");
    });
    this.picture.addEventListener("error", () => this.frame.classList.add("missing"));
    this.rank = create("span", "rank");
    this.badge = create("span", "badge");
    this.tick = create("span", "tick", "✓");
    this.frame.append(this.picture, this.rank, this.tick, this.badge);
    this.given = create("span", "given");
    this.suggested = create("span", "suggested");
    this.confidence = create("span", "confidence");
    this.score = create("span", "score");
    this.opinion = create("div", "line");
    this.opinion.append(this.suggested, this.confidence);
    this.number = create("div", "line small");
    this.number.append(this.score);
    this.node.append(this.frame, this.given, this.opinion, this.number);
  }

  show(item, position, total, url) {
    const signature = JSON.stringify([item, position, total, url]);
    if (signature === this.signature) return;
    this.signature = signature;
    if (this.picture.getAttribute("src") !== url) this.picture.src = url;
    const mark = markOf(item);
    this.node.dataset.mark = mark;
    this.node.classList.toggle("relabelled", item.decision === "relabel" && !item.border && !item.met);
    this.rank.textContent = item.rank == null ? "" : `${item.rank}`;
    this.badge.textContent = mark === "none" ? "" : MARKS[mark](item);
    this.badge.hidden = mark === "none";
    this.given.textContent = item.given ?? NO_LABEL;
    this.suggested.textContent = differs(item) ? `→ ${item.suggested}` : item.suggested == null ? "" : "same";
    this.suggested.classList.toggle("same", !differs(item));
    this.confidence.textContent = percent(item.confidence);
    this.opinion.hidden = item.suggested == null;
    this.number.hidden = item.score == null;
    this.score.textContent = item.score == null ? "" : `score ${item.score.toFixed(3)}`;
    this.node.setAttribute("aria-label", describe(item, position, total));
  }

  select(selected) {
    if (selected === this.selected) return;
    this.selected = selected;
    this.node.setAttribute("aria-selected", selected ? "true" : "false");
  }
}
