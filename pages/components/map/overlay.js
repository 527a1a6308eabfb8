// The upper canvas: boundaries, lasso, and rings round the images that are pointed at.

const traceOver = (map) => {
  const g = map.over.getContext("2d");
  const { ratio, view } = map;
  const ink = css(map.look.foreground);
  g.clearRect(0, 0, map.over.width, map.over.height);
  g.lineJoin = "round";
  const stroke = (width, colour, dash = []) => {
    [g.lineWidth, g.strokeStyle] = [width * ratio, colour];
    g.setLineDash(dash.map((x) => x * ratio));
    g.stroke();
  };
  for (const { lines, dashed } of map.data.boundaries) {
    g.beginPath();
    for (const line of lines) {
      for (let i = 0; i < line.length; i += 2) {
        g[i ? "lineTo" : "moveTo"](line[i] * view.k + view.tx, view.ty - line[i + 1] * view.k);
      }
    }
    stroke(4.5, css(map.look.background));
    stroke(2, ink, dashed ? [7, 5] : []);
  }
  if (map.path?.length > 1) {
    g.beginPath();
    map.path.forEach(([x, y]) => g.lineTo(x * view.k + view.tx, view.ty - y * view.k));
    g.closePath();
    stroke(1.5, ink, [6, 4]);
    [g.fillStyle, g.globalAlpha] = [ink, 0.07];
    g.fill();
    g.globalAlpha = 1;
  }
  for (const [i, radius] of [[map.hover, 10], [map.focused ?? -1, 13]]) {
    if (i < 0) continue;
    g.beginPath();
    g.arc(map.points.xy[2 * i] * view.k + view.tx, view.ty - map.points.xy[2 * i + 1] * view.k, radius * ratio, 0, 7);
    stroke(4, css(map.look.background));
    stroke(1.8, ink);
  }
  if (map.aim) {
    const [x, y] = [map.over.width / 2, map.over.height / 2];
    g.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      g.moveTo(x + 5 * dx * ratio, y + 5 * dy * ratio);
      g.lineTo(x + 13 * dx * ratio, y + 13 * dy * ratio);
    }
    stroke(1.5, ink);
  }
};
