// The signs drawn where somebody died, was born or joined: the same shapes in the pond and in its key.

const PATHS = {
  // Each in a box of -1 to 1.
  insolvency: (path) => { path.arc(0, 0, 0.85, 0, 6.3); path.moveTo(-0.6, 0.6); path.lineTo(0.6, -0.6); },
  crowding: (path) => { for (const side of [-1, 1]) { path.moveTo(side, -0.7); path.lineTo(side * 0.25, 0); path.lineTo(side, 0.7); } },
  age: (path) => { path.moveTo(-0.7, -0.9); path.lineTo(0.7, -0.9); path.lineTo(-0.7, 0.9); path.lineTo(0.7, 0.9); path.closePath(); },
  shock: (path) => { path.moveTo(0.3, -1); path.lineTo(-0.5, 0.15); path.lineTo(0.5, -0.1); path.lineTo(-0.3, 1); },
  other: (path) => { path.moveTo(-0.7, -0.7); path.lineTo(0.7, 0.7); path.moveTo(0.7, -0.7); path.lineTo(-0.7, 0.7); },
};
const shapes = new Map();

/** Draw the mark of a death's cause: `size` is half its width. */
export function drawMark(pen, cause, x, y, size, colour, halo) {
  const shape = shapes.get(cause) ?? build(cause);
  pen.save();
  pen.translate(x, y);
  pen.scale(size, size);
  pen.lineJoin = pen.lineCap = "round";
  if (halo) {
    pen.strokeStyle = halo;
    pen.lineWidth = 0.85;
    pen.stroke(shape);
  }
  pen.strokeStyle = colour;
  pen.lineWidth = 0.38;
  pen.stroke(shape);
  pen.restore();
}

function build(cause) {
  const shape = new Path2D();
  (Object.hasOwn(PATHS, cause) ? PATHS[cause] : PATHS.other)(shape);
  shapes.set(cause, shape);
  return shape;
}
