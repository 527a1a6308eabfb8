// The trail: rows of events, chosen by checkbox; Shift takes all between two. One checkbox is in
// the order of Tab at a time; arrow keys, Home and End go from row to row.

const node = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};

const format = (parts) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...parts });
const day = format({ day: "numeric", month: "short" });
const clock = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const when = (text) => {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return node("span", "", text);
  const made = node("time");
  made.dateTime = text;
  made.append(day.format(at), node("span", "year", ` ${at.getUTCFullYear()}`), `, ${clock.format(at)}`);
  return made;
};

const COLUMNS = [
  ["number", "#"], ["time", "Time (UTC)"], ["reviewer", "By"], ["image", "Image"], ["path", "File"],
  ["action", "Action"], ["change", "Label"], ["state", "State"], ["why", "Why"],
];

const picture = (row, thumbnails) => {
  const blank = () => node("span");
  if (!row.known) return blank();
  const made = node("img");
  made.src = thumbnails.replace("{id}", encodeURIComponent(row.item));
  made.alt = "";
  made.loading = "lazy";
  made.onerror = () => made.replaceWith(blank());
  return made;
};

const badge = (row) => node("span", `badge ${row.state.startsWith("in force") ? "in-force" : row.state}`, row.state);

const cells = (row, thumbnails) => ({
  number: String(row.event), time: when(row.time), reviewer: row.reviewer, image: picture(row, thumbnails),
  path: row.path, action: row.action, change: row.change, state: badge(row), why: row.why,
});

const view = (root) => {
  const chosen = new Set();
  let data = null;
  let send = () => {};
  let anchor = null;

  const boxes = () => [...root.querySelectorAll("tbody input")];
  const show = () => {
    for (const box of boxes()) {
      box.checked = chosen.has(Number(box.value));
      box.closest("tr").classList.toggle("chosen", box.checked);
    }
    const all = root.querySelector("thead input");
    const count = boxes().length;
    all.checked = count > 0 && chosen.size === count;
    all.indeterminate = chosen.size > 0 && chosen.size < count;
  };
  const tell = () => {
    show();
    send({ token: data.token, events: data.rows.map((row) => row.event).filter((id) => chosen.has(id)) });
  };
  // Which checkbox Tab comes to: the one that had the focus last.
  const point = (box, focus) => {
    for (const other of boxes()) other.tabIndex = other === box ? 0 : -1;
    if (focus) {
      box.focus();
      box.closest("tr").scrollIntoView({ block: "nearest" });
    }
  };
  const steps = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity, PageDown: 10, PageUp: -10 };
  root.addEventListener("keydown", (event) => {
    const all = boxes();
    const at = all.indexOf(event.composedPath()[0]);
    if (at < 0 || !(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const box = all[Math.max(0, Math.min(all.length - 1, at + steps[event.key]))];
    point(box, true);
    if (event.shiftKey) {
      anchor ??= Number(all[at].value);
      choose(Number(box.value), true, true);
    }
  });

  const set = (id, on) => (on ? chosen.add(id) : chosen.delete(id));
  const choose = (id, on, range) => {
    const ids = data.rows.map((row) => row.event);
    const from = range && anchor !== null ? ids.indexOf(anchor) : -1;
    const to = ids.indexOf(id);
    if (from >= 0) ids.slice(Math.min(from, to), Math.max(from, to) + 1).forEach((one) => set(one, on));
    else set(id, on);
    anchor = id;
    tell();
  };

  const line = (row) => {
    const made = node("tr", [row.faded && "faded", row.action === "–" && "hidden-row"].filter(Boolean).join(" "));
    const place = node("td", "choose");
    const box = node("input");
    box.type = "checkbox";
    box.value = String(row.event);
    box.setAttribute("aria-label", `Event ${row.event}: ${row.reviewer}, ${row.action}, ${row.path}, ${row.change}, ${row.state}`);
    box.onclick = (event) => {
      event.stopPropagation();
      point(box, false);
      choose(row.event, box.checked, event.shiftKey);
    };
    place.append(box);
    made.append(place);
    const shown = cells(row, data.thumbnails);
    for (const [name] of COLUMNS) {
      const cell = node("td", name);
      cell.append(shown[name]);
      if (typeof shown[name] === "string") cell.title = shown[name];
      else if (name !== "image") cell.title = name === "state" ? row.state : row.time;
      made.append(cell);
    }
    // A row is a larger target than its checkbox; marking text in it is no choice.
    made.onmousedown = (event) => event.shiftKey && event.preventDefault();
    made.onclick = (event) => {
      if (String(window.getSelection()) === "") choose(row.event, !chosen.has(row.event), event.shiftKey);
    };
    return made;
  };

  const draw = () => {
    const table = node("table");
    table.append(node("caption", "", data.caption));
    const head = node("tr");
    const corner = node("th", "choose");
    const all = node("input");
    all.type = "checkbox";
    all.setAttribute("aria-label", "Choose every event of this page");
    all.onclick = () => {
      data.rows.forEach((row) => set(row.event, all.checked));
      tell();
    };
    corner.append(all);
    corner.scope = "col";
    head.append(corner);
    for (const [name, title] of COLUMNS) {
      const cell = node("th", name, title);
      cell.scope = "col";
      head.append(cell);
    }
    table.append(node("thead"), node("tbody"));
    table.tHead.append(head);
    table.tBodies[0].append(...data.rows.map(line));
    root.replaceChildren(table);
    if (data.rows.length) point(boxes()[0], false);
  };

  let drawn = "";
  return (given, sender) => {
    send = sender;
    const content = JSON.stringify(given);
    // Drawing again what is there would take the focus away.
    if (content === drawn) return;
    if (data === null || data.token !== given.token) {
      chosen.clear();
      anchor = null;
    }
    drawn = content;
    data = given;
    draw();
    show();
  };
};

const views = new WeakMap();

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".events");
  if (!views.has(root)) views.set(root, view(root));
  views.get(root)(data, (chosen) => setStateValue("chosen", chosen));
}
