// What is under the pointer, or in the middle of the map for who moves it by keys.

const labelText = (map, name, i) => {
  const { data, points } = map;
  const bits = points.tags[name];
  if (bits) {
    const width = Math.ceil(data.classes.length / 8);
    const names = data.classes.filter((_, c) => bits[i * width + (c >> 3)] & (128 >> (c & 7)));
    return names.join("; ") || "no label";
  }
  const channel = map.channels.find((one) => one.name === name);
  return channel ? channel.entries[channel.codes[i]][0] : null;
};

const describe = (map, i) => {
  const { points, data } = map;
  const [given, suggested] = [labelText(map, "given", i), labelText(map, "suggested", i)];
  const names = suggested !== null && suggested !== given ? `${given} → ${suggested}` : given;
  const facts = [];
  const score = map.channels.find((one) => one.name === "score");
  if (score?.values[i] >= 0) facts.push(`score ${score.values[i].toFixed(3)}`);
  if (data.shape) facts.push(points.flagged[i] ? `▲ ${data.shape.triangle}` : `● ${data.shape.circle}`);
  const extra = ["detectors", "decision"].map((name) => map.channels.find((one) => one.name === name));
  for (const channel of extra) if (channel?.codes[i] > 0) facts.push(channel.entries[channel.codes[i]][0]);
  return { names, facts };
};

// Show image i, of which the mark lies at (x, y) in CSS pixels; -1 shows nothing.
const showTip = (map, i, x, y, aloud = false) => {
  if (i === map.hover) return;
  map.hover = i;
  map.trace();
  const tip = map.find(".tip");
  tip.classList.toggle("on", i >= 0);
  if (aloud) map.find(".spoken").textContent = "";
  if (i < 0) return;
  const { names, facts } = describe(map, i);
  const picture = tip.querySelector("img");
  picture.classList.remove("missing");
  picture.src = map.data.thumb.replace("{id}", idOf(map.points.ids, i));
  tip.querySelector(".names").textContent = names;
  tip.querySelector(".facts").replaceChildren(...facts.map((fact) => element("div", "", fact)));
  if (aloud) map.find(".spoken").textContent = [names, ...facts].join(", ");
  const [width, height] = [map.base.clientWidth, map.base.clientHeight];
  const { offsetWidth, offsetHeight } = tip;
  tip.style.left = `${x + 18 + offsetWidth > width ? Math.max(4, x - offsetWidth - 18) : x + 18}px`;
  tip.style.top = `${Math.max(6, Math.min(y - 40, height - offsetHeight - 6))}px`;
};

const hideTip = (map) => showTip(map, -1);

// The image nearest to a place in device pixels, within `reach` CSS pixels.
const pointAt = (map, [x, y], reach = 14) => {
  const { k, tx, ty } = map.view;
  return map.index.nearest((x - tx) / k, (ty - y) / k, (reach * map.ratio) / k, map.shown);
};
