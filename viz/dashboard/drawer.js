// One organism's life in a drawer: what it ate, how it fared, whose child it is, what it last said.

import { ask } from "./api.js";
import { dot, make, makeVector, put } from "./dom.js";
import { amount, causeTitle, count, plural } from "./words.js";

const KINDS = { founder: "a founder", clone: "a changed copy of its parent", merge: "a joining of two parents" };

export class Drawer {
  /** `on.opened(id, kin)` and `on.closed()` let the pond mark whose drawer it is. */
  constructor(element, on) {
    Object.assign(this, { element, on, run: null, folder: "", id: null });
    element.addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); });
  }

  async open(id, generation) {
    const asked = Symbol(id);
    this.asked = asked;
    if (this.element.hidden) this.before = document.activeElement;
    try {
      const life = await ask(`runs/${this.run}/organisms/${id}`, { generation });
      if (this.asked !== asked) return;
      this.id = id;
      this.show(life);
      this.on.opened(id, [...life.parents, ...life.children].map((kin) => kin.id));
    } catch (error) {
      if (this.asked !== asked) return;
      this.id = null;
      put(this.element, this.head("Not found", null), make("p", {}, error.message));
    }
    this.element.hidden = false;
    this.element.scrollTop = 0;
    this.element.focus({ preventScroll: true });
  }

  close() {
    if (this.element.hidden) return;
    this.asked = null;
    this.id = null;
    this.element.hidden = true;
    this.on.closed();
    this.before?.focus?.({ preventScroll: true });
  }

  head(title, colour) {
    return make("header", {}, colour ? dot(colour) : null, make("h2", {}, title),
      make("button", { class: "icon", type: "button", "aria-label": "Close", title: "Close (Esc)", onclick: () => this.close() }, "×"));
  }

  show(life) {
    const { birth, death, curve } = life;
    const lived = death ? `generations ${birth.generation} to ${death.generation}` : `since generation ${birth.generation}`;
    put(this.element,
      this.head(`Organism ${life.id}`, life.colour),
      make("p", {}, `${KINDS[birth.kind] ?? birth.kind}, ${lived}; ${death ? `died: ${causeTitle(death.cause)}` : "alive at the last look"}.`),
      facts([["lineage", birth.lineage], ["born by", birth.operator], ["age", death?.age ?? (curve.generation.length || "newborn")],
        ["energy", amount(curve.energy.at(-1) ?? birth.energy)], ["children", count(life.num_children)]]),
      ...section("Parents", this.kin(life.parents, "none: a founder")),
      ...section("Children", this.kin(life.children, "none"), life.num_children > life.children.length ? make("p", { class: "quiet" }, `and ${life.num_children - life.children.length} more`) : null),
      ...section("Energy, by generation", lifeCurve(curve.generation, curve.energy, "Energy")),
      ...(curve.score.filter((score) => score !== null).length > 1 ? section("Learning: mean score of its answers, by generation", lifeCurve(curve.generation, curve.score, "Mean score", 1)) : []),
      ...section("Meals", meals(life.meals)),
      ...section("Traits", facts(Object.entries(life.traits).map(([name, value]) => [name.replaceAll("_", " "), trait(value)]))),
      ...(life.norms.length ? section(`How far its weights have moved, by site (checkpoint of generation ${life.norms[0].generation})`, bars(life.norms.map((row) => [row.site, row.norm, amount(row.norm)]))) : []),
      ...section(life.answered === null ? "Answers" : `Questions and answers of generation ${life.answered}`, answers(life.answers)),
      ...section("Take it with you", this.exporting(life.id)));
  }

  kin(list, none) {
    if (!list.length) return make("p", { class: "quiet" }, none);
    return make("div", { class: "kin" }, ...list.map((other) => make("button", { type: "button", onclick: () => this.open(other.id) }, dot(other.colour), String(other.id))));
  }

  exporting(id) {
    const command = `evolora export ${quoted(this.folder)} --organism ${id} --to ${quoted(`organism-${id}`)}`;
    const button = make("button", { class: "plain", type: "button" }, "Copy");
    button.addEventListener("click", async () => {
      button.textContent = (await copied(command)) ? "Copied" : "Select it";
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
    });
    return make("div", {}, make("p", { class: "quiet" }, "Writes its weights as a PEFT adapter:"), make("div", { class: "command" }, make("code", {}, command), button));
  }
}

/** A word of a shell command, quoted where a shell would read it as more. */
export const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\"'\"'")}'`);

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // a browser that does not allow it: the text is there to be selected
  }
}

const section = (title, ...children) => [make("h3", {}, title), ...children];
const facts = (pairs) => make("dl", { class: "facts" }, ...pairs.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value ?? "–")))));
const trait = (value) => (Number.isInteger(value) ? count(value) : amount(value));

function bars(rows) {
  const most = Math.max(1e-12, ...rows.map(([, value]) => value ?? 0));
  return make("div", { class: "meals" }, ...rows.flatMap(([name, value, text]) => [
    make("span", { class: "name" }, name),
    make("span", { class: "length" }, make("i", { style: { width: `${100 * Math.max(0, value ?? 0) / most}%` } })),
    make("span", {}, text)]));
}

function meals(rows) {
  if (!rows.length) return make("p", { class: "quiet" }, "It has answered nothing yet.");
  return bars(rows.map((row) => [row.niche, row.energy, `${amount(row.energy)} for ${plural(row.answers, "answer")}, mean score ${amount(row.score)}`]));
}

function answers(rows) {
  if (!rows.length) return make("p", { class: "quiet" }, "None recorded.");
  return make("ul", { class: "answers" }, ...rows.map((row) => make("li", { class: row.score >= 0.5 ? "good" : "poor" },
    make("div", { class: "about" }, make("span", {}, row.niche), make("span", {}, `score ${amount(row.score ?? NaN)}${row.reason ? `, ${row.reason}` : ""}, ${plural(row.generated_tokens ?? NaN, "token")}`)),
    make("blockquote", {}, row.question),
    make("span", { class: "said" }, row.text || "(said nothing)"))));
}

/** A quantity over a life, with its scale (up to `top`, or its own height); generations without it are left out. */
function lifeCurve(generations, quantity, name, top = 1e-9) {
  if (!generations.length) return make("p", { class: "quiet" }, "Born this generation: nothing to draw yet.");
  const known = generations.map((_, index) => index).filter((index) => quantity[index] !== null && quantity[index] !== undefined);
  const [generation, values] = [known.map((index) => generations[index]), known.map((index) => quantity[index])];
  if (!known.length) return make("p", { class: "quiet" }, "Not recorded.");
  const [width, height, left, bottom] = [440, 150, 42, 22];
  const [most, least] = [Math.max(top, ...values), Math.min(0, ...values)];
  const [first, last] = [generation[0], generation.at(-1)];
  const x = (at) => left + (width - left - 8) * (at - first) / Math.max(1, last - first);
  const y = (value) => 8 + (height - bottom - 8) * (1 - (value - least) / (most - least));
  const points = generation.map((at, index) => `${x(at).toFixed(1)},${y(values[index]).toFixed(1)}`);
  const label = (at, down, anchor, text) => makeVector("text", { x: at, y: down, "text-anchor": anchor, "font-size": 11, opacity: 0.75 }, text);
  return makeVector("svg", { class: "curve", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${name} from ${amount(values[0])} to ${amount(values.at(-1))}, generations ${first} to ${last}` },
    makeVector("line", { x1: left, x2: width - 8, y1: y(0), y2: y(0), stroke: "currentcolor", opacity: 0.3 }),
    makeVector("polygon", { points: `${x(first)},${y(0)} ${points.join(" ")} ${x(last)},${y(0)}`, fill: "var(--accent)", opacity: 0.16 }),
    points.length > 1 ? makeVector("polyline", { points: points.join(" "), fill: "none", stroke: "var(--accent)", "stroke-width": 2, "stroke-linejoin": "round" })
      : makeVector("circle", { cx: x(first), cy: y(values[0]), r: 4, fill: "var(--accent)" }),
    label(left - 6, y(most) + 4, "end", amount(most)), label(left - 6, y(0) + 4, "end", "0"),
    label(left, height - 6, "start", `generation ${first}`), last > first ? label(width - 8, height - 6, "end", String(last)) : null);
}
