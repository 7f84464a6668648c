// A run's pond on the page, with the box that says whom the pointer is on.

import { dot, make, put } from "./dom.js";
import { livesOff } from "./now.js";
import { Pond } from "./pond/pond.js";
import { amount } from "./words.js";

export class Stage {
  /** `area` holds the `canvas` and the `box`; `open(id)` is told of a click on a cell. */
  constructor(area, canvas, box, open) {
    Object.assign(this, { area, canvas, box, run: null, palette: ["#888888"] });
    this.pond = new Pond(canvas, this.look, { hover: (cell, x, y) => this.hover(cell, x, y), open });
  }

  /** A lineage's colour, and how many kernels tell apart lineages that share it. */
  look = (lineage) => {
    const number = Math.abs(lineage);
    return { colour: this.palette[number % this.palette.length], kernels: 1 + Math.floor(number / this.palette.length) % 3 };
  };

  /** Take in a run's overview; `anew` where it is another run than before. */
  take(run, anew) {
    this.run = run;
    this.palette = run.palette;
    if (anew || !this.pond.frame) this.pond.open(run.niches.map((niche) => ({ name: niche.name, text: niche.name, x: niche.x, y: -niche.y, share: 0 })), run.peak);
  }

  show(frame, pace) {
    this.pond.show(frame, frame.now.niche_stocks ?? {}, pace);
    this.canvas.setAttribute("aria-label", `The pond in generation ${frame.generation}: ${frame.id.length} organisms, ${frame.births.length} born, ${frame.deaths.length} died`);
  }

  hover(cell, x, y) {
    const { box, area } = this;
    box.hidden = !cell;
    area.toggleAttribute("data-hovering", Boolean(cell));
    if (!cell || !this.pond.frame) return;
    const { frame } = this.pond;
    const index = cell.index;
    put(box, make("strong", {}, dot(this.look(cell.lineage).colour), `organism ${cell.id}`),
      make("div", {}, `energy ${amount(frame.energy[index] ?? NaN)}${frame.score[index] === null ? "" : `, mean score ${frame.score[index].toFixed(2)}`}`),
      make("div", {}, `${livesOff(frame, index, this.run.niches)}, lineage ${cell.lineage}`),
      make("div", { class: "quiet" }, "click to open its life"));
    const size = area.getBoundingClientRect();
    const left = Math.min(x + 16, size.width - box.offsetWidth - 8);
    const top = y + 18 + box.offsetHeight > size.height ? y - box.offsetHeight - 12 : y + 18;
    box.style.transform = `translate(${Math.max(8, left)}px, ${Math.max(8, top)}px)`;
  }
}
