// The picture behind the scrubber: how many lived and how well they answered, over the whole run.

/** Paint the curves of `strip` over generations `first` to `last`, and where the shown one is. */
export function paintTrack(canvas, strip, first, last, shown) {
  const { width, height } = canvas.getBoundingClientRect();
  if (!width) return;
  const scale = window.devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const colour = style.color;
  const inside = width - 10; // the thumb is 10 wide, and its middle stays 5 inside
  const across = (generation) => 5 + inside * (generation - first) / Math.max(1, last - first);
  const most = Math.max(1, ...strip.living.map((value) => value ?? 0));
  const curve = (values, top) => strip.generation.map((generation, index) => [across(generation), height - 3 - (height - 8) * (values[index] ?? 0) / top]);
  area(pen, curve(strip.living, most), height - 2, colour, 0.16);
  line(pen, curve(strip.score, 1), colour);
  pen.globalAlpha = 0.13;
  pen.fillStyle = colour;
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
