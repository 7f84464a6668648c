// The cells of the pond as bodies: where each wants to be, what pushes it, who is being born, joined or lost.
// Lengths are CSS pixels of the picture, times seconds.

const PULL = 2.4; // per second, towards where a cell lives
const BUD_SECONDS = 1.1;
const FADE_SECONDS = 1.7;
const MOST_MARKS = 80;

export class Cells {
  constructor() {
    this.bodies = new Map();
    this.leaving = []; // cells that died in the generation shown, or were left behind by scrubbing
    this.bonds = []; // a newborn with a parent it is still attached to
    this.time = 0;
    this.pace = 1; // how much faster things happen when generations follow each other quickly
  }

  /** Take up a frame: `place` maps its coordinates to pixels, `radius` an energy to one; `near` says it follows the one shown. */
  show(frame, place, radius, near) {
    const seen = new Set();
    this.bonds = near ? this.bonds.filter((bond) => bond.age < BUD_SECONDS) : [];
    this.leaving = near ? this.leaving.filter((cell) => cell.age < FADE_SECONDS && cell.generation < frame.generation) : [];
    frame.id.forEach((id, index) => {
      seen.add(id);
      const [x, y] = place(frame.x[index], frame.y[index]);
      const told = { goalX: x, goalY: y, goal: radius(frame.energy[index]), lineage: frame.lineage[index], index };
      const known = this.bodies.get(id);
      if (known) Object.assign(known, told);
      else this.bodies.set(id, { id, x, y, radius: near ? 0.5 : told.goal, phase: (id * 2.399) % 6.283, born: this.time, ...told });
    });
    for (const id of this.bodies.keys()) if (!seen.has(id)) this.bodies.delete(id);
    this.bonds = this.bonds.filter((bond) => this.bodies.has(bond.child.id));
    this.bury(frame, place, radius);
    this.deliver(frame, near);
  }

  bury(frame, place, radius) {
    for (const death of frame.deaths.slice(0, MOST_MARKS)) {
      const [x, y] = place(death.x, death.y);
      const size = Math.max(5, radius(death.energy));
      this.leaving.push({ ...death, x, y, radius: size, phase: (death.id * 2.399) % 6.283, age: 0, generation: frame.generation });
    }
  }

  /** Newborns start where their parents are, attached to them. */
  deliver(frame, near) {
    for (const birth of frame.births) {
      const child = this.bodies.get(birth.id);
      if (!child) continue;
      const parents = birth.parents.map((id) => this.bodies.get(id) ?? this.leaving.find((cell) => cell.id === id)).filter(Boolean);
      if (!parents.length) continue;
      const x = parents.reduce((sum, parent) => sum + parent.x, 0) / parents.length;
      const y = parents.reduce((sum, parent) => sum + parent.y, 0) / parents.length;
      const reach = parents.length > 1 ? 0 : parents[0].radius * 0.8;
      Object.assign(child, near ? { x: x + reach * Math.cos(child.phase), y: y + reach * Math.sin(child.phase), radius: 0.5 } : {});
      child.kind = birth.kind;
      for (const parent of parents) this.bonds.push({ child, parent, kind: birth.kind, age: 0 });
    }
  }

  /** Move on by `seconds`. */
  step(seconds) {
    const quick = seconds * this.pace;
    this.time += seconds;
    const pull = 1 - Math.exp(-PULL * Math.max(quick, seconds));
    const swell = 1 - Math.exp(-3.2 * quick);
    for (const cell of this.bodies.values()) {
      const drift = 2.2 + cell.radius * 0.1;
      const goalX = cell.goalX + drift * Math.sin(this.time * 0.53 + cell.phase * 3);
      const goalY = cell.goalY + drift * Math.cos(this.time * 0.41 + cell.phase * 5);
      cell.x += (goalX - cell.x) * pull;
      cell.y += (goalY - cell.y) * pull;
      cell.radius += (cell.goal - cell.radius) * swell;
    }
    this.part();
    for (const bond of this.bonds) bond.age += quick;
    for (const cell of this.leaving) {
      cell.age += quick;
      cell.y -= 5 * quick * Math.max(0, 1 - cell.age / FADE_SECONDS);
    }
  }

  /** Push overlapping cells apart, through a grid of squares as wide as the widest cell. */
  part() {
    const cells = [...this.bodies.values()];
    const width = 2 * Math.max(4, ...cells.map((cell) => cell.radius));
    const grid = new Map();
    const key = (column, row) => column * 8192 + row;
    for (const cell of cells) {
      cell.column = Math.floor(cell.x / width);
      cell.row = Math.floor(cell.y / width);
      const square = key(cell.column, cell.row);
      if (grid.has(square)) grid.get(square).push(cell);
      else grid.set(square, [cell]);
    }
    for (const cell of cells) {
      for (let column = cell.column - 1; column <= cell.column + 1; column += 1) {
        for (let row = cell.row - 1; row <= cell.row + 1; row += 1) {
          for (const other of grid.get(key(column, row)) ?? []) if (other.id > cell.id) push(cell, other);
        }
      }
    }
  }

  /** Come to rest at once, for a picture that must not move. */
  settle() {
    for (let round = 0; round < 60; round += 1) this.step(0.05);
    for (const cell of this.bodies.values()) cell.radius = cell.goal;
  }

  /** The cell under a point, the topmost first; `slack` pixels beside it count too. */
  at(x, y, slack = 4) {
    let best = null;
    let nearest = Infinity;
    for (const cell of this.bodies.values()) {
      const distance = Math.hypot(cell.x - x, cell.y - y) - cell.radius;
      if (distance < slack && distance < nearest) [best, nearest] = [cell, distance];
    }
    return best;
  }
}

/** How much of a bond or a fading cell is left, 1 to 0. */
export const bondLeft = (bond) => Math.max(0, 1 - bond.age / BUD_SECONDS);
export const fadeLeft = (cell) => Math.max(0, 1 - cell.age / FADE_SECONDS);

function push(one, other) {
  const dx = other.x - one.x;
  const dy = other.y - one.y;
  const least = (one.radius + other.radius) * 0.94;
  const square = dx * dx + dy * dy;
  if (square >= least * least) return;
  const distance = Math.sqrt(square) || 0.01;
  const share = (least - distance) / distance * 0.32;
  const heavy = one.radius * one.radius / (one.radius * one.radius + other.radius * other.radius + 0.01);
  const [x, y] = square ? [dx * share, dy * share] : [Math.cos(one.phase) * share * 0.01, Math.sin(one.phase) * share * 0.01];
  one.x -= x * (1 - heavy);
  one.y -= y * (1 - heavy);
  other.x += x * heavy;
  other.y += y * heavy;
}
