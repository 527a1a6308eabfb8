// A table of counts; what is not zero is a button.

const node = (tag, text, className) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
};

const header = (name, scope) => {
  const made = node("th");
  made.scope = scope;
  made.title = name;
  made.append(node("span", name));
  return made;
};

const inWords = (data, i, j) => {
  const count = data.counts[i][j].toLocaleString("en");
  if (!data.square) return `${data.rows[i]}, ${data.columns[j]}: ${count}. Open them in Review.`;
  return `Given ${data.rows[i]}, suggested ${data.columns[j]}: ${count}. Open them in Review.`;
};

// Darkest where most is: of all cells but the diagonal, which counts other things.
const largest = (data, diagonal) =>
  Math.max(1, ...data.counts.flatMap((row, i) => row.filter((_, j) => (data.square && i === j) === diagonal)));

const draw = (root, data, press) => {
  const table = node("table");
  table.append(node("caption", data.caption));
  const head = node("tr");
  head.append(header(data.corner, "col"), ...data.columns.map((name) => header(name, "col")));
  table.append(node("thead"), node("tbody"));
  table.tHead.append(head);
  const scale = { true: largest(data, true), false: largest(data, false) };
  data.rows.forEach((name, i) => {
    const row = node("tr");
    row.append(header(name, "row"));
    data.counts[i].forEach((count, j) => {
      const agree = data.square && i === j;
      const cell = node("td", undefined, count ? (agree ? "agree" : "") : "none");
      if (count) {
        const button = node("button", count.toLocaleString("en"));
        button.type = "button";
        button.setAttribute("aria-label", inWords(data, i, j));
        button.title = inWords(data, i, j);
        button.style.setProperty("--share", Math.sqrt(count / scale[agree]));
        button.onclick = () => press([i, j]);
        cell.append(button);
      } else {
        cell.textContent = "0";
      }
      row.append(cell);
    });
    table.tBodies[0].append(row);
  });
  root.setAttribute("aria-label", data.caption);
  root.replaceChildren(table);
};

const drawn = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".cells");
  const content = JSON.stringify(data);
  // Drawing again what is there would take the focus from the cell that was pressed.
  if (drawn.get(root) !== content) draw(root, data, (cell) => setTriggerValue("cell", cell));
  drawn.set(root, content);
}
