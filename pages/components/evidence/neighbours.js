// The most alike images as evidence, and a large picture of each beside the image in question.

const RELATIONS = { given: "same", suggested: "suggested", other: "other" };

class Neighbours {
  constructor(root, review) {
    this.list = root.querySelector(".near ul");
    this.button = root.querySelector(".near .review");
    this.dialog = root.querySelector(".large");
    this.button.addEventListener("click", () => review([this.found.item, ...this.found.neighbours.map((n) => n.item_id)]));
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.open(Number(button.dataset.at));
    });
    this.dialog.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) this.open((this.at + step + this.found.neighbours.length) % this.found.neighbours.length);
      else if (event.key !== " " || event.target.closest("button")) return;
      else this.dialog.close();
      event.preventDefault();
    });
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog || event.target.closest(".close")) this.dialog.close();
    });
    this.dialog.addEventListener("close", () => this.list.children[this.at]?.querySelector("button").focus());
    for (const picture of this.dialog.querySelectorAll("img")) {
      picture.addEventListener("load", () => picture.classList.toggle("tiny", picture.naturalWidth <= 96));
    }
  }

  show(found, addresses) {
    this.found = found;
    this.addresses = addresses;
    this.button.hidden = !found.neighbours.length;
    this.button.title = "Show this image and its neighbours in the grid";
    this.list.replaceChildren(...found.neighbours.map((neighbour, at) => this.tile(neighbour, at)));
    if (!found.neighbours.length) this.list.append(create("li", "aside", "No other image has a label."));
    if (this.dialog.open) this.dialog.close();
  }

  tile(neighbour, at) {
    const item = create("li");
    const button = create("button");
    button.type = "button";
    button.dataset.at = `${at}`;
    button.dataset.relation = neighbour.relation;
    button.toggleAttribute("data-plain", !this.found.given);
    const frame = create("span", "frame");
    const picture = create("img");
    picture.alt = "";
    picture.draggable = false;
    picture.addEventListener("load", () => picture.classList.toggle("tiny", picture.naturalWidth <= 64));
    picture.src = this.addresses.thumb(neighbour.item_id);
    frame.append(picture, create("span", "badge", this.badge(neighbour)));
    button.append(frame, create("span", "name", neighbour.labels || "no tag"), create("span", "small", this.facts(neighbour)));
    button.title = `${neighbour.labels || "no tag"}\n${neighbour.path}`;
    button.setAttribute("aria-label", [
      `Neighbour ${at + 1}`, neighbour.labels || "no tag", this.badge(neighbour), this.facts(neighbour), "open large",
    ].join(", "));
    item.append(button);
    return item;
  }

  badge(neighbour) {
    return !this.found.given && neighbour.relation === "other" ? "" : RELATIONS[neighbour.relation];
  }

  facts({ similarity, same_picture: same, reviewed }) {
    const alike = same ? "same picture" : `${similarity.toFixed(2)} alike`;
    return reviewed ? `${alike}, reviewed` : alike;
  }

  open(at) {
    this.at = at;
    const neighbour = this.found.neighbours[at];
    const fill = (selector, item, title, facts) => {
      const figure = this.dialog.querySelector(selector);
      const picture = figure.querySelector("img");
      const address = this.addresses.image(item);
      if (picture.getAttribute("src") !== address) picture.src = address;
      picture.alt = title;
      figure.querySelector("b").textContent = title;
      figure.querySelector("span").textContent = facts;
    };
    const { given, item, path } = this.found;
    fill(".mine", item, given ? `This image: ${given}` : "This image: no label", path);
    const was = neighbour.given === neighbour.labels ? "" : `came as ${neighbour.given || "no tag"}, `;
    fill(".other", neighbour.item_id, `Neighbour ${at + 1}: ${neighbour.labels || "no tag"}`,
      `${was}${this.facts(neighbour)} · ${neighbour.path}`);
    if (this.dialog.open) return;
    this.dialog.showModal();
    this.dialog.focus();
  }
}
