// The large picture, and the question before many images are decided at once: native dialogs, so
// that focus is kept inside them and Escape closes them.

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
    this.dialog.dataset.mark = markOf(item);
    writeFacts(this.facts, item);
    if (this.dialog.open) return;
    this.dialog.showModal();
    // Not the first button: the keys of the grid work here too.
    this.dialog.focus();
  }
}

class Confirmation {
  constructor(dialog) {
    this.dialog = dialog;
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-answer=no]")) dialog.close();
      if (event.target.closest("[data-answer=yes]")) {
        dialog.close();
        this.then();
      }
    });
  }

  // `parts` tells what becomes of how many, most frequent first.
  ask(question, parts, then) {
    this.then = then;
    this.dialog.querySelector(".title").textContent = question;
    this.dialog.querySelector(".parts").replaceChildren(...parts.map(([what, count]) => {
      const line = create("li");
      line.append(create("span", "", what), create("b", "", `${count}`));
      return line;
    }));
    this.dialog.showModal();
    this.dialog.querySelector("[data-answer=yes]").focus();
  }
}
