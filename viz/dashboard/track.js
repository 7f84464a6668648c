// The picture behind the scrubber: how many lived and how well they answered, over the whole of each run.

/** Paint `strips` ({strip, colour}; colour null: the page's) over generations `first` to `last`, and where the shown one is. */
export function paintTrack(canvas, strips, first, last, shown) {
  const { width, height } = canvas.getBoundingClientRect();
  if (!width || !strips.length) return;
  const scale = window.devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const ink = getComputedStyle(canvas).color;
  const inside = width - 10; // the thumb is 10 wide, and its middle stays 5 inside
  const across = (generation) => 5 + inside * (generation - first) / Math.max(1, last - first);
  const best = strips.length > 1 ? Math.max(0.01, ...strips.flatMap(({ strip }) => strip.score.map((value) => value ?? 0))) : 1;
  for (const { strip, colour } of strips) {
    const most = Math.max(1, ...strip.living.map((value) => value ?? 0));
    const curve = (values, top) => strip.generation.map((generation, index) => [across(generation), height - 3 - (height - 8) * (values[index] ?? 0) / top]);
    if (strips.length === 1) area(pen, curve(strip.living, most), height - 2, ink, 0.16);
    line(pen, curve(strip.score, best), colour ?? ink);
  }
  pen.globalAlpha = 0.13;
  pen.fillStyle = ink;
  pen.fillRect(5, height - 3, Math.max(0, across(shown) - 5), 3);
}

function area(pen, points, bottom, colour, alpha) {
  if (!points.length) return;
  pen.beginPath();
  pen.moveTo(points[0][0], bottom);
  for (const point of points) pen.lineTo(...point);
  pen.lineTo(points.at(-1)[0], bottom);
  pen.globalAlpha = alpha;
  pen.fillStyle = colour;
  pen.fill();
  pen.globalAlpha = 1;
}

function line(pen, points, colour) {
  pen.beginPath();
  for (const point of points) pen.lineTo(...point);
  pen.strokeStyle = colour;
  pen.globalAlpha = 0.75;
  pen.lineWidth = 1.4;
  pen.stroke();
  pen.globalAlpha = 1;
}
