// Pointer and keyboard: moving, zooming, pointing, drawing a lasso or a box, selecting.

const STEP = 60; // px moved by an arrow key
const GAP = 3; // px between the corners of a lasso that are kept
const CLICK = 4; // px that a press may wander and still be a press
const AIM = 40; // px from the middle within which keys pick an image

// Shift adds and Alt removes, whatever selects.
const modeOf = (event) => (event.altKey ? "remove" : event.shiftKey || event.ctrlKey || event.metaKey ? "add" : "replace");

// Only the polygon leaves the browser; Python decides which images lie in it.
const select = (map, polygon, mode, item = "") => {
  const hidden = Object.fromEntries([...map.hidden].map(([name, set]) => [name, [...set]]));
  map.sent = { number: Date.now(), polygon, mode, item, hidden };
  map.send(map.sent);
};

const box = ([x0, y0], [x1, y1]) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];

const clearSelection = (map) => {
  map.path = null;
  if (map.data.selected_count) select(map, [], "replace");
  map.trace();
};

const selectView = (map, mode = "replace") => {
  const { k, tx, ty } = map.view;
  select(map, box([-tx / k, (ty - map.base.height) / k], [(map.base.width - tx) / k, ty / k]), mode);
};

const selectShown = (map, mode = "replace") => {
  const [x0, y0, x1, y1] = map.index.bounds;
  const more = 1 + Math.max(x1 - x0, y1 - y0);
  select(map, box([x0 - more, y0 - more], [x1 + more, y1 + more]), mode);
};

const pick = (map, i, mode) => {
  if (i >= 0) select(map, [], mode, idOf(map.points.ids, i));
};

const setTool = (map, tool) => {
  map.tool = tool;
  map.over.classList.toggle("drawing", tool !== "pan");
  map.root.querySelectorAll("[data-tool]").forEach((button) =>
    button.setAttribute("aria-pressed", String(button.dataset.tool === tool)));
};

const listenToPointer = (map) => {
  const { over } = map;
  const at = (event) => {
    const frame = over.getBoundingClientRect();
    return [(event.clientX - frame.left) * map.ratio, (event.clientY - frame.top) * map.ratio];
  };
  const toData = ([x, y]) => [(x - map.view.tx) / map.view.k, (map.view.ty - y) / map.view.k];
  let drag = null;
  over.onpointerdown = (event) => {
    if (event.button !== 0 || !map.view) return;
    over.setPointerCapture(event.pointerId);
    map.aim = false;
    const mode = modeOf(event);
    // With the hand, Shift or Alt and a drag draw a lasso too.
    const tool = map.tool !== "pan" ? map.tool : mode === "replace" ? "pan" : "lasso";
    drag = { tool, mode, first: at(event), last: at(event), moved: false };
  };
  over.onpointermove = (event) => {
    if (!map.view) return;
    const here = at(event);
    if (!drag) {
      map.aim = false;
      return showTip(map, pointAt(map, here), here[0] / map.ratio, here[1] / map.ratio);
    }
    if (!drag.moved) {
      if (Math.hypot(here[0] - drag.first[0], here[1] - drag.first[1]) < CLICK * map.ratio) return;
      drag.moved = true;
      hideTip(map);
      if (drag.tool === "pan") over.classList.add("dragging");
      else map.path = [toData(drag.first)];
    }
    const [dx, dy] = [here[0] - drag.last[0], here[1] - drag.last[1]];
    if (drag.tool === "pan") map.move(dx, dy);
    else if (drag.tool === "box") map.path = box(toData(drag.first), toData(here));
    else if (Math.hypot(dx, dy) < GAP * map.ratio) return;
    else map.path.push(toData(here));
    drag.last = here;
    if (drag.tool !== "pan") map.trace();
  };
  over.onpointerup = (event) => {
    over.classList.remove("dragging");
    const done = drag;
    drag = null;
    if (!done) return;
    if (!done.moved) pick(map, pointAt(map, at(event)), done.mode);
    else if (done.tool !== "pan" && map.path.length > 2) select(map, map.path, done.mode);
  };
  over.onpointercancel = () => { drag = null; map.path = null; over.classList.remove("dragging"); map.trace(); };
  over.onpointerleave = () => { if (!map.aim) hideTip(map); };
  over.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (!map.view) return;
    hideTip(map);
    const lines = event.deltaMode === 1 ? 30 : 1;
    map.zoom(Math.exp(-event.deltaY * lines * 0.0016), ...at(event));
  }, { passive: false });
};

// Who moves the map by keys points with its middle.
const aimAtMiddle = (map) => {
  map.aim = true;
  const middle = [map.base.width / 2, map.base.height / 2];
  showTip(map, pointAt(map, middle, AIM), middle[0] / map.ratio, middle[1] / map.ratio, true);
  map.trace();
};

const listenToKeys = (map) => {
  const acts = {
    in: () => map.zoom(1.5),
    out: () => map.zoom(1 / 1.5),
    fit: () => { map.view = null; map.redraw(); },
    view: (mode) => selectView(map, mode),
    shown: (mode) => selectShown(map, mode),
    clear: () => clearSelection(map),
  };
  map.root.querySelectorAll("[data-act]").forEach((button) => {
    button.onclick = (event) => map.view && acts[button.dataset.act](modeOf(event));
  });
  map.root.querySelectorAll("[data-tool]").forEach((button) => {
    button.onclick = () => setTool(map, button.dataset.tool);
  });
  const moving = (act) => () => { act(); if (map.view) aimAtMiddle(map); };
  const step = (x, y) => moving(() => map.move(x * STEP * map.ratio, y * STEP * map.ratio));
  const keys = {
    "+": moving(acts.in), "=": moving(acts.in), "-": moving(acts.out), "0": acts.fit,
    ArrowLeft: step(1, 0), ArrowRight: step(-1, 0), ArrowUp: step(0, 1), ArrowDown: step(0, -1),
    a: acts.view, s: acts.shown, Escape: acts.clear, Enter: (mode) => pick(map, map.aim ? map.hover : -1, mode),
    h: () => setTool(map, "pan"), l: () => setTool(map, "lasso"), b: () => setTool(map, "box"),
  };
  map.find(".map").addEventListener("keydown", (event) => {
    // Streamlit listens on the page for C and R: typing on the map must not reach it.
    event.stopPropagation();
    if (event.target !== map.over || event.ctrlKey || event.metaKey) return;
    // With Alt, some layouts give a letter of their own: the key's place tells which it is.
    const name = event.altKey && /^Key[A-Z]$/.test(event.code) ? event.code[3] : event.key;
    const act = keys[name] ?? keys[name.toLowerCase()];
    if (!act || !map.view) return;
    event.preventDefault();
    act(modeOf(event));
  });
};
