// The strip of numbers, and the key beside the pond.

import { dot, make, put } from "./dom.js";
import { drawMark } from "./pond/marks.js";
import { COLOURS } from "./pond/water.js";
import { amount, CAUSES, causeTitle, count, duration, listed, plural } from "./words.js";

const sum = (table) => Object.values(table).reduce((total, value) => total + value, 0);
const tile = (title, value, unit, detail) => make("dl", { class: "tile" }, make("dt", {}, title),
  make("dd", { class: "value" }, value, unit ? make("small", {}, ` ${unit}`) : null), make("dd", { class: "detail" }, detail ?? ""));

/** The numbers of a generation. */
export function showNow(element, frame, run, live) {
  const { now } = frame;
  const births = now.births ?? {};
  const deaths = now.deaths ?? {};
  const energy = now.energy ?? {};
  const running = run.state === "running";
  put(element,
    tile("generation", count(frame.generation), run.planned ? `of ${count(run.planned)}` : "", run.state === "running" ? "one round of questions" : run.state),
    tile("living", count(now.num_living ?? NaN), "", plural(now.num_lineages ?? NaN, "founding family left", "founding families left")),
    tile("births", count(sum(births)), "", listed(births, (kind) => ({ clone: "budded", merge: "joined", founder: "founders" })[kind] ?? kind)),
    tile("deaths", count(sum(deaths)), "", listed(deaths, causeTitle)),
    tile("energy of the living", amount(energy.organisms ?? NaN), "", `and ${amount(energy.niches ?? NaN)} waits in niches`),
    tile("mean score", Number.isFinite(now.mean_score) ? now.mean_score.toFixed(3) : "–", "of 1", "over all answers"),
    tile("tokens a second", now.seconds > 0 ? count(now.num_tokens / now.seconds) : "–", "", now.seconds > 0 ? `${amount(now.seconds)} s a generation` : ""),
    tile("time left", running && live ? duration(run.seconds_left ?? NaN) : "–", "", running ? "at the pace of late" : `the run is ${run.state}`));
}

/** What the pond's signs mean, with how many of each this generation has. */
export function showSigns(element, frame, theme, look) {
  const counts = { clone: 0, merge: 0 };
  for (const birth of frame.births) counts[birth.kind] = (counts[birth.kind] ?? 0) + 1;
  const causes = {};
  for (const death of frame.deaths) causes[death.cause] = (causes[death.cause] ?? 0) + 1;
  const rows = [
    sign("size: its energy", null, (pen) => { disc(pen, 8, 12, 3.5, look(0).colour); disc(pen, 20, 12, 8, look(0).colour); }),
    sign("colour: its family, all who descend from one founder", null, (pen) => [0, 1, 3].forEach((number, index) => disc(pen, 6 + index * 9, 12, 4.4, look(number).colour))),
    sign("budding: a child, changed a little", counts.clone, (pen) => bud(pen, look(0).colour, look(0).colour, false)),
    sign("joining: a child of two parents", counts.merge, (pen) => bud(pen, look(0).colour, look(1).colour, true)),
  ];
  const shown = new Set([...Object.keys(CAUSES).filter((cause) => cause !== "shock"), ...Object.keys(causes)]);
  for (const cause of shown) {
    rows.push(sign(`death: ${causeTitle(cause)}${CAUSES[cause] ? `, ${CAUSES[cause].says}` : ""}`, causes[cause] ?? 0,
      (pen) => drawMark(pen, cause, 15, 12, 7, COLOURS[theme].mark)));
  }
  put(element, ...rows);
}

function sign(text, number, draw) {
  const canvas = make("canvas", { width: 60, height: 48, "aria-hidden": "true" });
  const pen = canvas.getContext("2d");
  pen.scale(2, 2);
  draw(pen);
  return make("li", {}, canvas, make("span", {}, text), number === null ? make("span") : make("span", { class: "count" }, count(number)));
}

function disc(pen, x, y, radius, colour) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 6.3);
  pen.fill();
}

function bud(pen, one, other, joined) {
  pen.lineWidth = 5;
  pen.strokeStyle = one;
  pen.beginPath();
  pen.moveTo(8, 12);
  pen.lineTo(22, 12);
  pen.stroke();
  disc(pen, 7, 12, 6.5, one);
  disc(pen, joined ? 24 : 21, 12, joined ? 5.5 : 4.5, other);
  if (joined) disc(pen, 15.5, 12, 4.5, "#8d9a98");
}

/** The families as a bar, and the largest by name. */
export function showFamilies(element, frame, look) {
  const sizes = new Map();
  for (const lineage of frame.lineage) sizes.set(lineage, (sizes.get(lineage) ?? 0) + 1);
  const sorted = [...sizes].sort((one, other) => other[1] - one[1]);
  const bar = make("div", { class: sorted.length > 40 ? "bar fine" : "bar", role: "img", "aria-label": sorted.map(([lineage, size]) => `lineage ${lineage}: ${size}`).join(", ") },
    ...sorted.map(([lineage, size]) => make("i", { style: { flex: String(size), background: look(lineage).colour } })));
  const largest = sorted.slice(0, 6).map(([lineage, size]) => make("span", { class: "family" }, dot(look(lineage).colour), `${lineage}: ${size}`));
  put(element, bar, ...largest, sorted.length > 6 ? make("span", { class: "quiet" }, `and ${sorted.length - 6} more`) : null);
}

/** The richest organisms, as buttons that open them. */
export function showRichest(element, frame, niches, look, open) {
  const order = frame.id.map((_, index) => index).sort((one, other) => frame.energy[other] - frame.energy[one]).slice(0, 7);
  put(element, ...order.map((index) => make("li", {}, make("button", { type: "button", onclick: () => open(frame.id[index]) },
    dot(look(frame.lineage[index]).colour),
    make("span", { class: "lives" }, make("b", {}, `${frame.id[index]} `), livesOff(frame, index, niches)),
    make("span", {}, amount(frame.energy[index]))))));
}

/** What an organism lives off, in a few words. */
export const livesOff = (frame, index, niches) => {
  const niche = niches[frame.niche[index]];
  return niche ? `lives off ${niche.name}` : frame.score[index] === null ? "newborn" : "earned nothing";
};
