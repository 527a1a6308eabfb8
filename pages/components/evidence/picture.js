// The image and, laid over it, the regions that feed a class.

const HEAT_KEY = "air-audit:heat";
const ROLES = { given: "given", suggested: "suggested", both: "both say" };
const TAG_ROLES = { given: "take away", suggested: "add", both: "agreed" };

function readSetting(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function writeSetting(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Storage is switched off: the choice holds until the page is left.
  }
}

class Picture {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.frame = this.find(".picture");
    this.base = this.find(".base");
    this.heat = this.find(".heat");
    this.choices = this.find(".choices");
    this.legend = this.find(".legend");
    this.slider = this.find(".opacity input");
    const [mode, strength] = (readSetting(HEAT_KEY) ?? "suggested 80").split(" ");
    this.mode = mode;
    this.slider.value = strength;
    this.setStrength();
    this.slider.addEventListener("input", () => {
      this.setStrength();
      this.remember();
    });
    this.base.addEventListener("load", () => {
      const { naturalWidth: width, naturalHeight: height } = this.base;
      this.base.classList.toggle("tiny", Math.max(width, height) <= 96);
      this.frame.style.setProperty("--ratio", `${width / height}`);
    });
    this.choices.addEventListener("click", (event) => {
      const radio = event.target.closest("[role=radio]");
      if (radio) this.choose(Number(radio.dataset.index), { focus: true });
    });
    this.choices.addEventListener("keydown", (event) => this.onKey(event));
  }

  remember() {
    writeSetting(HEAT_KEY, `${this.mode} ${this.slider.value}`);
  }

  setStrength() {
    this.root.style.setProperty("--strength", `${this.slider.value / 100}`);
  }

  // `addresses` makes the address of a picture or of a class's regions.
  show(found, addresses, signal) {
    this.addresses = addresses;
    this.signal = signal;
    this.tags = found.multilabel;
    if (this.item !== found.item) {
      this.item = found.item;
      this.hideHeat();
      this.base.src = addresses.thumb(found.item);
      // The thumbnail is there at once; the server makes the large one when the eye rests.
      clearTimeout(this.resting);
      this.resting = setTimeout(() => this.sharpen(found.item, addresses.image(found.item)), 300);
    }
    this.base.alt = `The image, ${found.given ? `labelled ${found.given}` : "not labelled"}`;
    this.regions = found.regions;
    const chosen = this.regions.find((region) => region.role === this.mode);
    this.paintChoices();
    this.choose(this.mode === "none" ? -1 : (chosen ?? this.regions[0])?.index ?? -1, { remember: false });
  }

  sharpen(item, address) {
    const large = new Image();
    large.addEventListener("load", () => {
      if (this.item === item) this.base.src = address;
    });
    large.src = address;
  }

  paintChoices() {
    const names = this.tags ? TAG_ROLES : ROLES;
    const option = (index, small, name) => {
      const node = create("span", "");
      node.setAttribute("role", "radio");
      node.dataset.index = `${index}`;
      if (small) node.append(create("small", "", small));
      node.append(create("span", "", name));
      node.title = [small, name].filter(Boolean).join(" ");
      return node;
    };
    this.choices.replaceChildren(
      ...this.regions.map(({ index, name, role }) => option(index, names[role] ?? "", name)),
      option(-1, "", "No regions"));
  }

  // A class of the list below may be asked for, too.
  choose(index, { focus = false, remember = true, name = null } = {}) {
    let region = this.regions.find((one) => one.index === index);
    if (!region && index >= 0) {
      region = { index, name, role: "other" };
      this.regions = [...this.regions.filter((one) => one.role !== "other"), region];
      this.paintChoices();
    }
    if (remember && region?.role !== "other") {
      // Where both agree, nothing was chosen between them.
      if (region?.role !== "both") this.mode = region?.role ?? "none";
      else if (this.mode === "none") this.mode = "suggested";
      this.remember();
    }
    for (const radio of this.choices.children) {
      const checked = Number(radio.dataset.index) === index;
      radio.setAttribute("aria-checked", checked ? "true" : "false");
      radio.tabIndex = checked ? 0 : -1;
      if (checked && focus) radio.focus();
    }
    this.chosen = index;
    this.root.dispatchEvent(new CustomEvent("chosen", { detail: index }));
    this.find(".opacity").hidden = index < 0;
    if (region) this.load(region);
    else {
      this.wanted = null;
      this.hideHeat();
      this.legend.textContent = "";
    }
  }

  onKey(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key] ?? (event.key === " " ? 0 : null);
    if (step === null) return;
    event.preventDefault();
    const radios = [...this.choices.children];
    const at = radios.indexOf(event.target.closest("[role=radio]"));
    this.choose(Number(radios[(at + step + radios.length) % radios.length].dataset.index), { focus: true });
  }

  async load(region) {
    const address = this.addresses.heat(this.item, region.index);
    if (address === this.shownAddress) return;
    this.wanted = address;
    const slow = setTimeout(() => { this.legend.textContent = "Looking for regions …"; }, 400);
    try {
      const answer = await fetch(address, { signal: this.signal });
      if (!answer.ok) throw new Error((await answer.json()).error);
      const picture = URL.createObjectURL(await answer.blob());
      if (this.wanted !== address) return URL.revokeObjectURL(picture);
      this.hideHeat();
      this.shownAddress = address;
      this.heat.src = picture;
      this.heat.hidden = false;
      this.explain(region.name, answer.headers.get("X-Air-Strongest"));
    } catch (error) {
      if (error.name === "AbortError" || this.wanted !== address) return;
      this.hideHeat();
      this.legend.textContent = error instanceof TypeError ? "The server cannot be reached." : error.message;
    } finally {
      clearTimeout(slow);
    }
  }

  close() {
    clearTimeout(this.resting);
    this.hideHeat();
  }

  hideHeat() {
    if (this.heat.src) URL.revokeObjectURL(this.heat.src);
    this.heat.removeAttribute("src");
    this.heat.hidden = true;
    this.shownAddress = null;
  }

  explain(name, strongest) {
    const where = strongest ? `, most of all at the ${strongest}` : "";
    const said = strongest ? `Parts of the image speak for ${name}${where}` : `Hardly anything here speaks for ${name}`;
    this.heat.alt = `${said}.`;
    this.legend.replaceChildren(
      create("i", "for"), `speaks for ${name}${where}; `, create("i", "against"),
      `against it. A line bounds what is strong.${strongest ? "" : " Hardly anything here speaks for it."}`);
  }
}
