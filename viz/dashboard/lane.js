// One of several runs: its name, how it stands, its pond.

import { ask } from "./api.js";
import { make, put } from "./dom.js";
import { Frames } from "./frames.js";
import { Stage } from "./stage.js";
import { count } from "./words.js";

const sum = (table = {}) => Object.values(table).reduce((total, value) => total + value, 0);

export class Lane {
  /** `described` has key, name, colour, title and differences; `open(id)` is told of a click on a cell. */
  constructor(described, open) {
    Object.assign(this, { described, key: described.key, run: null, frames: new Frames(described.key) });
    this.chip = make("span", { class: "chip", role: "status" });
    this.numbers = make("dl", { class: "numbers" });
    const canvas = make("canvas", { role: "img", "aria-label": `The pond of ${described.name}` });
    const box = make("div", { class: "who", role: "status", hidden: true });
    const area = make("div", { class: "pond" }, canvas, box);
    this.element = make("article", { class: "lane", "data-run": described.key, "aria-label": described.name },
      make("header", {}, make("span", { class: "swatch", style: { background: described.colour }, "aria-hidden": "true" }),
        make("h2", {}, described.name), this.chip,
        make("a", { class: "plain", href: `?run=${encodeURIComponent(described.key)}`, title: `Look at ${described.name} alone` }, "alone")),
      this.numbers, area, make("p", { class: "caption" }, ...told(described)));
    this.stage = new Stage(area, canvas, box, open);
  }

  async refresh(anew) {
    this.run = await ask(`runs/${this.key}`);
    this.chip.dataset.state = this.run.state;
    this.chip.textContent = this.run.state;
    this.frames.grow(this.run.last);
    this.stage.take(this.run, anew);
  }

  async show(generation, heading, pace) {
    const { run } = this;
    if (!run.last) return;
    const there = Math.min(run.last, Math.max(run.first, generation));
    this.wanted = there;
    const frame = await this.frames.get(there, heading);
    if (!frame || this.wanted !== there) return;
    this.stage.show(frame, pace);
    const { now } = frame;
    put(this.numbers,
      fact("generation", count(there), there < generation ? "its last" : run.planned ? `of ${count(run.planned)}` : ""),
      fact("living", count(now.num_living ?? NaN), `${count(now.num_lineages ?? NaN)} families`),
      fact("mean score", Number.isFinite(now.mean_score) ? now.mean_score.toFixed(3) : "–", "of 1"),
      fact("born", count(sum(now.births)), ""),
      fact("died", count(sum(now.deaths)), ""));
  }
}

const fact = (name, value, detail) => make("div", {}, make("dt", {}, name), make("dd", {}, value, detail ? make("small", {}, ` ${detail}`) : null));

/** By what a run differs from the others, in its own words. */
function told({ title, differences, num_differences: number }) {
  const settings = Object.entries(differences);
  if (!settings.length) return [make("span", { class: "quiet" }, title), " – the same world"];
  const parts = settings.flatMap(([name, value]) => [make("span", { class: "setting" }, `${name} `, make("b", {}, value)), " "]);
  return [...parts, number > settings.length ? `and ${count(number - settings.length)} more` : null, make("span", { class: "quiet" }, title)].filter(Boolean);
}
