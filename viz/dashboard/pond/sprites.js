// Cells as small pictures, painted once for each colour and shape and then only stamped: 500 of them cost little.

const SIZES = [32, 64, 192]; // pixels of a picture: one much larger than what is stamped looks coarse, and costs more
export const REACH = 0.4; // a cell's radius as a share of its picture; the rest is glow
const SHAPES = 5;
const store = new Map();

/** A living cell: a soft body with a membrane and as many kernels as `kernels` says (1 to 3), for `pixels` of radius. */
export function cellSprite(colour, kernels, seed, dark, pixels) {
  const size = SIZES.find((one) => one >= pixels / REACH) ?? SIZES.at(-1);
  const shape = Math.abs(seed) % SHAPES;
  const key = `${colour}/${kernels}/${shape}/${dark}/${size}`;
  if (!store.has(key)) store.set(key, paint(colour, kernels, shape, dark, size));
  return store.get(key);
}

function paint(colour, kernels, shape, dark, size) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const pen = canvas.getContext("2d");
  pen.translate(size / 2, size / 2);
  const radius = size * REACH;
  glow(pen, colour, radius, dark);
  const outline = blob(shape, radius);
  body(pen, outline, colour, radius, dark);
  if (size > SIZES[1]) grains(pen, outline, colour, radius, shape, dark);
  kernelsOf(kernels, shape).forEach(([x, y, size]) => kernel(pen, x * radius, y * radius, size * radius, colour, dark));
  return canvas;
}

function glow(pen, colour, radius, dark) {
  const light = pen.createRadialGradient(0, 0, radius * 0.75, 0, 0, radius * 1.24);
  light.addColorStop(0, tint(colour, dark ? 0.42 : 0.26));
  light.addColorStop(1, tint(colour, 0));
  pen.fillStyle = light;
  pen.fillRect(-radius * 1.25, -radius * 1.25, radius * 2.5, radius * 2.5);
}

function body(pen, outline, colour, radius, dark) {
  const inside = pen.createRadialGradient(-radius * 0.3, -radius * 0.35, radius * 0.05, 0, 0, radius * 1.05);
  inside.addColorStop(0, mix(colour, "#ffffff", dark ? 0.42 : 0.62, 0.94));
  inside.addColorStop(0.55, mix(colour, "#ffffff", dark ? 0.06 : 0.26, 0.88));
  inside.addColorStop(1, mix(colour, dark ? "#041012" : "#ffffff", dark ? 0.25 : 0.06, 0.94));
  pen.fillStyle = inside;
  pen.fill(outline);
  pen.strokeStyle = mix(colour, dark ? "#ffffff" : "#0c1f1e", dark ? 0.35 : 0.3, 0.95);
  pen.lineWidth = Math.max(0.8, radius * 0.055);
  pen.stroke(outline);
  pen.save();
  pen.scale(0.88, 0.88);
  pen.strokeStyle = mix(colour, "#ffffff", 0.7, dark ? 0.28 : 0.5);
  pen.lineWidth = radius * 0.04;
  pen.stroke(outline);
  pen.restore();
}

/** Specks inside, so that a big cell does not look empty. */
function grains(pen, outline, colour, radius, shape, dark) {
  pen.save();
  pen.clip(outline);
  for (let number = 0; number < 14; number += 1) {
    const angle = number * 2.399 + shape;
    const far = radius * (0.36 + 0.52 * ((number * 0.618 + shape * 0.21) % 1));
    pen.fillStyle = mix(colour, number % 3 ? "#ffffff" : "#062022", 0.55, dark ? 0.3 : 0.34);
    pen.beginPath();
    pen.arc(Math.cos(angle) * far, Math.sin(angle) * far, radius * (0.025 + 0.03 * ((number * 0.37) % 1)), 0, 6.3);
    pen.fill();
  }
  pen.restore();
}

function kernel(pen, x, y, size, colour, dark) {
  const inside = pen.createRadialGradient(x - size * 0.3, y - size * 0.3, size * 0.1, x, y, size);
  inside.addColorStop(0, mix(colour, "#03171a", dark ? 0.5 : 0.4, 0.9));
  inside.addColorStop(1, mix(colour, "#03171a", dark ? 0.78 : 0.66, 0.92));
  pen.fillStyle = inside;
  pen.beginPath();
  pen.arc(x, y, size, 0, 6.3);
  pen.fill();
  pen.fillStyle = "rgb(255 255 255 / 55%)";
  pen.beginPath();
  pen.arc(x - size * 0.34, y - size * 0.36, size * 0.2, 0, 6.3);
  pen.fill();
}

function kernelsOf(number, shape) {
  if (number === 1) return [[0.1 * Math.cos(shape * 2), 0.1 * Math.sin(shape * 2), 0.31]];
  const size = number === 2 ? 0.24 : 0.2;
  return Array.from({ length: number }, (_, index) => {
    const angle = shape + index * 6.2832 / number;
    return [0.34 * Math.cos(angle), 0.34 * Math.sin(angle), size];
  });
}

/** A closed, slightly uneven outline. */
function blob(shape, radius) {
  const corners = 9;
  const points = Array.from({ length: corners }, (_, index) => {
    const angle = index * 6.2832 / corners;
    const far = radius * (0.965 + 0.035 * Math.sin(angle * 2 + shape * 1.7) + 0.03 * Math.sin(angle * 3 + shape * 4.1));
    return [Math.cos(angle) * far, Math.sin(angle) * far];
  });
  return closed(points);
}

/** A smooth closed path through the midpoints of `points`. */
export function closed(points) {
  const path = new Path2D();
  const middle = (one, other) => [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
  path.moveTo(...middle(points.at(-1), points[0]));
  points.forEach((point, index) => path.quadraticCurveTo(...point, ...middle(point, points[(index + 1) % points.length])));
  path.closePath();
  return path;
}

const channels = (colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
export const tint = (colour, alpha) => `rgb(${channels(colour).join(" ")} / ${alpha})`;

/** `share` of `other` in `colour`. Both are #rrggbb. */
export function mix(colour, other, share, alpha = 1) {
  const [one, two] = [channels(colour), channels(other)];
  return `rgb(${one.map((value, index) => Math.round(value + (two[index] - value) * share)).join(" ")} / ${alpha})`;
}
