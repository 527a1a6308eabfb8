// Pointer and keyboard: moving, zooming, hovering, drawing a lasso, selecting what is in view.

const STEP = 60; // px moved by an arrow key
const GAP = 3; // px between the corners of a lasso that are kept

// Only the polygon leaves the browser; Python decides which images lie in it.
const select = (map, polygon, mode) => {
  const hidden = Object.fromEntries(Object.entries(map.hidden).map(([k, set]) => [k, [...set]]));
  map.sent = { number: Date.now(), polygon, mode, hidden };
  map.send(map.sent);
};

const clearSelection = (map) => {
  map.path = null;
  if (map.data.selected_count) select(map, [], "replace");
  map.trace();
};

const selectView = (map) => {
  const { k, tx, ty } = map.view;
  const [x0, x1] = [-tx / k, (map.base.width - tx) / k];
  const [y0, y1] = [(ty - map.base.height) / k, ty / k];
  select(map, [[x0, y0], [x1, y0], [x1, y1], [x0, y1]], "replace");
};

const setTool = (map, tool) => {
  map.tool = tool;
  map.over.classList.toggle("lasso", tool === "lasso");
  map.root.querySelectorAll("[data-tool]").forEach((button) =>
    button.setAttribute("aria-pressed", String(button.dataset.tool === tool)));
};

const listenToPointer = (map) => {
  const { over } = map;
  const at = (event) => {
    const box = over.getBoundingClientRect();
    return [(event.clientX - box.left) * map.ratio, (event.clientY - box.top) * map.ratio];
  };
  const toData = ([x, y]) => [(x - map.view.tx) / map.view.k, (map.view.ty - y) / map.view.k];
  let drag = null;
  over.onpointerdown = (event) => {
    if (event.button !== 0 || !map.view) return;
    over.setPointerCapture(event.pointerId);
    hideTip(map);
    const lasso = map.tool === "lasso" || event.shiftKey;
    const mode = event.altKey ? "remove" : event.ctrlKey || event.metaKey ? "add" : "replace";
    drag = { lasso, mode, last: at(event) };
    if (lasso) map.path = [toData(drag.last)];
    else over.classList.add("dragging");
  };
  over.onpointermove = (event) => {
    if (!map.view) return;
    const here = at(event);
    if (!drag) return showTip(map, here, toData(here));
    const [dx, dy] = [here[0] - drag.last[0], here[1] - drag.last[1]];
    if (drag.lasso) {
      if (Math.hypot(dx, dy) < GAP * map.ratio) return;
      map.path.push(toData(here));
      map.trace();
    } else map.move(dx, dy);
    drag.last = here;
  };
  over.onpointerup = () => {
    if (drag?.lasso) {
      if (map.path.length > 2) select(map, map.path, drag.mode);
      else clearSelection(map);
    }
    over.classList.remove("dragging");
    drag = null;
  };
  over.onpointercancel = () => { drag = null; map.path = null; map.trace(); };
  over.onpointerleave = () => hideTip(map);
  over.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (!map.view) return;
    hideTip(map);
    const lines = event.deltaMode === 1 ? 30 : 1;
    map.zoom(Math.exp(-event.deltaY * lines * 0.0016), ...at(event));
  }, { passive: false });
};

const listenToKeys = (map) => {
  const acts = {
    in: () => map.zoom(1.5),
    out: () => map.zoom(1 / 1.5),
    fit: () => { map.view = null; map.redraw(); },
    view: () => selectView(map),
    clear: () => clearSelection(map),
  };
  map.root.querySelectorAll("[data-act]").forEach((button) => {
    button.onclick = () => map.view && acts[button.dataset.act]();
  });
  map.root.querySelectorAll("[data-tool]").forEach((button) => {
    button.onclick = () => setTool(map, button.dataset.tool);
  });
  const keys = {
    "+": acts.in, "=": acts.in, "-": acts.out, "0": acts.fit, a: acts.view, Escape: acts.clear,
    l: () => setTool(map, map.tool === "lasso" ? "pan" : "lasso"),
    ArrowLeft: () => map.move(STEP * map.ratio, 0), ArrowRight: () => map.move(-STEP * map.ratio, 0),
    ArrowUp: () => map.move(0, STEP * map.ratio), ArrowDown: () => map.move(0, -STEP * map.ratio),
  };
  map.find(".map").addEventListener("keydown", (event) => {
    // Streamlit listens on the page for C and R: typing on the map must not reach it.
    event.stopPropagation();
    if (event.target !== map.over || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key] ?? keys[event.key.toLowerCase()];
    if (!act || !map.view) return;
    event.preventDefault();
    act();
  });
};

const idOf = (ids, i) =>
  Array.from(ids.subarray(8 * i, 8 * i + 8), (byte) => byte.toString(16).padStart(2, "0")).join("");

const showTip = (map, [x, y], [dx, dy]) => {
  const i = map.index.nearest(dx, dy, (14 * map.ratio) / map.view.k, map.shown);
  if (i === map.hover) return;
  map.hover = i;
  map.trace();
  const tip = map.find(".tip");
  tip.classList.toggle("on", i >= 0);
  if (i < 0) return;
  const { data, points } = map;
  const label = (codes) => (codes && codes[i] >= 0 ? data.classes[codes[i]] : "no label");
  const differs = points.suggested && points.suggested[i] !== points.given[i];
  tip.querySelector("img").src = data.thumb.replace("{id}", idOf(points.ids, i));
  tip.querySelector(".names").textContent = differs
    ? `${label(points.given)} → ${label(points.suggested)}` : label(points.given);
  const facts = [];
  if (points.score?.[i] >= 0) facts.push(`score ${points.score[i].toFixed(3)}`);
  if (points.flagged) facts.push(points.flagged[i] ? "▲ flagged" : "● not flagged");
  if (points.decision?.[i] > 0) facts.push(data.decisions[points.decision[i]].name);
  tip.querySelector(".facts").textContent = facts.join(" · ");
  const [left, top] = [x / map.ratio, y / map.ratio];
  const [width, height] = [map.base.clientWidth, map.base.clientHeight];
  tip.style.left = `${left > width - 185 ? left - 166 : left + 18}px`;
  tip.style.top = `${Math.max(6, Math.min(top - 40, height - 225))}px`;
};

const hideTip = (map) => {
  map.hover = -1;
  map.find(".tip").classList.remove("on");
  if (map.view && map.look) map.trace();
};
