// The pond on the page: keeps its canvas sharp, moves while somebody can see it, and answers the pointer.

import { Cells } from "./cells.js";
import { paintCells } from "./paint.js";
import { layOut, paintGround, paintLight, paintNames, paintSprings } from "./water.js";

const FRAME = 1000 / 40; // milliseconds between pictures while cells move
const IDLE_FRAME = 1000 / 12; // and when they only breathe
const LIVELY = 3000; // milliseconds that cells move after a new generation, or after the pointer
const FEW_CORES = 4; // with no more than these, the run needs them while nobody touches the page:
const SPARING_FRAME = 1000 / 10; // fewer pictures while cells move, and none when they would only breathe
const ATTENTION = 5000; // milliseconds after a touch of the page or a replayed generation that somebody is there
const ROOM = 0.26; // share of the pond that cells cover when the run's energy is at its height

export class Pond {
  /** `look` is a lineage's {colour, kernels}; `on.hover(index or null, x, y)` and `on.open(id)` are told about the pointer. */
  constructor(canvas, look, on) {
    Object.assign(this, { canvas, look, on, cells: new Cells(), frame: null, theme: "dark", chosen: null, kin: [], hovered: null, visible: true, springs: [], peak: 1, together: 1, changed: 0, attended: 0, ground: null });
    this.sparing = (navigator.hardwareConcurrency || FEW_CORES + 1) <= FEW_CORES;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.pen = canvas.getContext("2d");
    new ResizeObserver(() => this.resize()).observe(canvas);
    new IntersectionObserver(([entry]) => { this.visible = entry.isIntersecting; this.wake(); }).observe(canvas);
    document.addEventListener("visibilitychange", () => this.wake());
    this.still.addEventListener("change", () => this.wake());
    for (const kind of ["pointermove", "pointerdown", "wheel", "keydown"]) document.addEventListener(kind, () => this.attend(), { passive: true });
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("pointerleave", () => this.leave());
    canvas.addEventListener("click", (event) => this.click(event));
    this.resize();
  }

  /** A new run: its springs, and the most energy its organisms ever had together. */
  open(springs, peak) {
    this.cells = new Cells();
    this.frame = null;
    this.springs = springs;
    this.peak = Math.max(peak, 1e-6);
    this.hovered = null;
  }

  /** Show a generation; `pace` is how many follow each other in a second of a replay, null where none runs. */
  show(frame, stocks, replayed = null) {
    const pace = replayed ?? 1;
    const near = this.frame !== null && Math.abs(frame.generation - this.frame.generation) <= 2 && frame.generation !== this.frame.generation;
    this.together = frame.energy.reduce((sum, energy) => sum + Math.max(energy ?? 0, 0), 0);
    const again = this.frame?.generation === frame.generation;
    this.frame = frame;
    const most = Math.max(1e-9, ...Object.values(stocks));
    for (const spring of this.springs) spring.share = Math.max(0, stocks[spring.name] ?? 0) / most;
    this.cells.pace = Math.max(1, pace * 0.8);
    this.changed = performance.now();
    if (replayed !== null) this.attended = this.changed;
    if (!again || !this.cells.bodies.size) this.cells.show(frame, this.place, this.radius, near && !this.still.matches);
    if (this.still.matches) this.cells.settle();
    else if (!near && !again) for (let round = 0; round < 30; round += 1) this.cells.step(1 / 30);
    this.wake();
  }

  place = (x, y) => [this.area.x + x * this.area.across * 0.93, this.area.y + y * this.area.down * 0.93];

  /** Area stands for energy, on one scale for all of a generation; a poor generation is drawn smaller, but not as much as it is poorer. */
  radius = (energy) => {
    const room = Math.PI * this.area.across * this.area.down * ROOM;
    const together = Math.sqrt(this.peak * Math.max(this.together, this.peak * 1e-4));
    const radius = Math.sqrt(Math.max(energy, 0) / together * room / Math.PI);
    const most = Math.min(this.area.across, this.area.down) * 0.2;
    return Math.min(most, Math.max(this.area.small ? 3 : 4.5, radius));
  };

  paintAs(theme) {
    this.theme = theme;
    this.ground = null;
    this.wake();
  }

  /** Paint at once, for a sheet of paper; `paintAs` ends it. */
  paintForPaper() {
    if (!this.area) return;
    this.theme = "light";
    this.ground = null;
    this.paint();
  }

  choose(id, kin = []) {
    this.chosen = id;
    this.kin = kin;
    this.wake();
  }

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width || !height) return;
    this.scale = Math.min(2, window.devicePixelRatio || 1);
    this.canvas.width = Math.round(width * this.scale);
    this.canvas.height = Math.round(height * this.scale);
    this.area = layOut(width, height);
    this.ground = null;
    if (this.frame) {
      this.cells.show({ ...this.frame, deaths: [], births: [] }, this.place, this.radius, false);
      for (const cell of this.cells.bodies.values()) [cell.x, cell.y, cell.radius] = [cell.goalX, cell.goalY, cell.goal];
      this.cells.settle();
    }
    this.wake();
  }

  /** Somebody is at the page: a pond that rested moves again. */
  attend() {
    const rested = this.resting === undefined && !this.waiting;
    this.attended = performance.now();
    if (rested && this.sparing && !this.still.matches) this.wake();
  }

  /** Milliseconds to the next picture; Infinity while nothing needs one. */
  pause(now) {
    const moving = now - this.changed < LIVELY;
    if (!this.sparing || now - this.attended < ATTENTION) return moving ? FRAME : IDLE_FRAME;
    return moving ? SPARING_FRAME : Infinity;
  }

  /** Move as long as somebody looks, in fewer pictures where little happens: a run may need this processor. Paint once where nothing may move. */
  wake() {
    if (this.waiting || !this.area) return;
    clearTimeout(this.resting);
    this.resting = undefined;
    this.waiting = requestAnimationFrame((now) => {
      this.waiting = null;
      const passed = (now - (this.before ?? now - FRAME)) / 1000;
      this.before = now;
      if (!this.still.matches) for (let left = Math.min(0.2, passed); left > 0; left -= 0.05) this.cells.step(Math.min(0.05, left));
      this.paint();
      const pause = this.pause(now);
      if (this.visible && !document.hidden && !this.still.matches && pause !== Infinity) this.resting = setTimeout(() => this.wake(), Math.max(0, pause - 12));
      else this.before = undefined;
    });
  }

  paint() {
    const { pen, area, theme } = this;
    this.ground ??= paintGround(area, theme, this.scale);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.drawImage(this.ground, 0, 0);
    pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    paintLight(pen, area, theme, this.cells.time);
    paintSprings(pen, area, this.springs, theme, this.cells.time);
    paintCells(pen, this.cells, this.look, theme, this);
    paintNames(pen, area, this.springs, theme);
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const cell = this.cells.at(x, y);
    this.hovered = cell?.id ?? null;
    this.changed = performance.now();
    this.on.hover(cell, x, y);
    if (this.still.matches) this.wake();
  }

  leave() {
    this.hovered = null;
    this.on.hover(null, 0, 0);
    this.wake();
  }

  click(event) {
    const box = this.canvas.getBoundingClientRect();
    const cell = this.cells.at(event.clientX - box.left, event.clientY - box.top, 10);
    if (cell) this.on.open(cell.id);
  }
}
