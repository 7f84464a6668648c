// Cells, bonds and deaths on the water.

import { bondLeft, fadeLeft } from "./cells.js";
import { drawMark } from "./marks.js";
import { cellSprite, mix, REACH, tint } from "./sprites.js";
import { COLOURS } from "./water.js";

/** All of the living and leaving; `look` gives a lineage's colour and kernels, `chosen` and `hovered` are ids. */
export function paintCells(pen, cells, look, theme, { chosen, hovered, kin, scale: sharpness = 1 }) {
  const dark = theme === "dark";
  for (const cell of cells.leaving) paintLeaving(pen, cell, dark);
  for (const bond of cells.bonds) paintBond(pen, bond, look, dark);
  const small = [...cells.bodies.values()].sort((one, other) => other.radius - one.radius);
  for (const cell of small) paintCell(pen, cell, look(cell.lineage), cells.time, dark, sharpness);
  for (const bond of cells.bonds) if (bond.kind === "merge") paintRing(pen, bond, look, dark);
  for (const cell of cells.leaving) paintCause(pen, cell, theme);
  for (const [id, width] of [[hovered, 2], [chosen, 3]]) {
    const cell = cells.bodies.get(id);
    if (cell) outline(pen, cell, COLOURS[theme].ink, width);
  }
  for (const id of kin ?? []) if (cells.bodies.has(id)) outline(pen, cells.bodies.get(id), COLOURS[theme].soft, 1.5, [4, 4]);
}

function stamp(pen, sprite, cell, time) {
  const size = cell.radius / REACH;
  const squeeze = 0.035 * Math.sin(time * 1.3 + cell.phase * 4);
  pen.save();
  pen.translate(cell.x, cell.y);
  pen.rotate(cell.phase + 0.12 * Math.sin(time * 0.37 + cell.phase));
  pen.scale(1 + squeeze, 1 - squeeze);
  pen.drawImage(sprite, -size / 2, -size / 2, size, size);
  pen.restore();
}

function paintCell(pen, cell, look, time, dark, sharpness) {
  if (cell.radius < 0.6) return;
  stamp(pen, cellSprite(look.colour, look.kernels, cell.id, dark, cell.radius * sharpness), cell, time);
}

/** The neck between a newborn and its parent, thinner as they part. */
function paintBond(pen, bond, look, dark) {
  const { child, parent } = bond;
  const left = bondLeft(bond);
  const distance = Math.hypot(child.x - parent.x, child.y - parent.y);
  if (!left || distance < 1 || distance > (child.radius + parent.radius) * 5) return;
  const across = [(child.y - parent.y) / distance, (parent.x - child.x) / distance];
  const middle = [(child.x + parent.x) / 2, (child.y + parent.y) / 2];
  const waist = Math.min(child.radius, parent.radius) * left * 0.75;
  const side = (cell, sign, width) => [cell.x + across[0] * width * sign, cell.y + across[1] * width * sign];
  const waistAt = (sign) => [middle[0] + across[0] * waist * sign, middle[1] + across[1] * waist * sign];
  pen.beginPath();
  pen.moveTo(...side(parent, 1, parent.radius * 0.8));
  pen.quadraticCurveTo(...waistAt(1), ...side(child, 1, child.radius * 0.85));
  pen.lineTo(...side(child, -1, child.radius * 0.85));
  pen.quadraticCurveTo(...waistAt(-1), ...side(parent, -1, parent.radius * 0.8));
  pen.closePath();
  pen.fillStyle = mix(look(parent.lineage).colour, dark ? "#041012" : "#ffffff", 0.18, 0.35 + 0.5 * left);
  pen.fill();
}

/** A merge: a ring runs out from the child. */
function paintRing(pen, bond, look, dark) {
  const left = bondLeft(bond);
  if (!left) return;
  pen.strokeStyle = dark ? `rgb(255 255 255 / ${0.75 * left})` : tint("#0c2b29", 0.6 * left);
  pen.lineWidth = 1 + 2 * left;
  pen.beginPath();
  pen.arc(bond.child.x, bond.child.y, bond.child.goal * (1.15 + 1.3 * (1 - left)), 0, 6.3);
  pen.stroke();
}

/** Somebody who died: the body greys and dissolves. */
function paintLeaving(pen, cell, dark) {
  const left = fadeLeft(cell);
  if (!left) return;
  pen.globalAlpha = 0.75 * left;
  const sprite = cellSprite(dark ? "#77858a" : "#9aa5a3", 1, cell.id, dark, cell.radius);
  stamp(pen, sprite, { ...cell, radius: cell.radius * (0.55 + 0.45 * left) }, cell.age);
  pen.globalAlpha = 1;
}

/** The cause stays, faintly, for as long as its generation is shown. */
function paintCause(pen, cell, theme) {
  const colours = COLOURS[theme];
  const left = fadeLeft(cell);
  pen.globalAlpha = 0.8 + 0.2 * left;
  drawMark(pen, cell.cause, cell.x, cell.y, 3.6 + 3.4 * left, colours.mark, colours.halo);
  pen.globalAlpha = 1;
}

function outline(pen, cell, colour, width, dashes = []) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.setLineDash(dashes);
  pen.beginPath();
  pen.arc(cell.x, cell.y, cell.radius + 4, 0, 6.3);
  pen.stroke();
  pen.setLineDash([]);
}
