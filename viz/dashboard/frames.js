// Generations as pictures: fetched in runs of CHUNK, a few chunks ahead of where the viewer is heading, the rest forgotten.

import { ask } from "./api.js";

const CHUNK = 16;
const MOST_CHUNKS = 40;

export class Frames {
  constructor(run) {
    this.run = run;
    this.last = 0;
    this.chunks = new Map(); // chunk number -> promise of Map(generation -> frame); insertion order is age
  }

  /** Say that the run has grown to `last`: a chunk that was not full is asked for again. */
  grow(last) {
    if (last === this.last) return;
    this.chunks.delete(Math.floor(this.last / CHUNK));
    this.chunks.delete(Math.floor((this.last - 1) / CHUNK)); // births of the former last get their own places now
    if (last < this.last) this.chunks.clear(); // an earlier checkpoint was taken up again
    this.last = last;
  }

  /** The frame of one generation, or undefined where there is none. */
  async get(generation, heading = 1) {
    const number = Math.floor(generation / CHUNK);
    const frames = await this.chunk(number);
    for (const step of [1, 2]) {
      const ahead = number + step * heading;
      if (ahead >= 0 && ahead * CHUNK <= this.last) this.chunk(ahead).catch(() => undefined); // told when it is shown
    }
    return frames.get(generation);
  }

  chunk(number) {
    const known = this.chunks.get(number);
    if (known) {
      this.chunks.delete(number); // move to the young end
      this.chunks.set(number, known);
      return known;
    }
    const from = number * CHUNK;
    const asked = ask(`runs/${this.run}/frames`, { from, to: from + CHUNK - 1 })
      .then(({ frames }) => new Map(frames.map((frame) => [frame.generation, frame])));
    asked.catch(() => this.chunks.delete(number)); // so that it is asked for again
    this.chunks.set(number, asked);
    for (const old of this.chunks.keys()) {
      if (this.chunks.size <= MOST_CHUNKS) break;
      this.chunks.delete(old);
    }
    return asked;
  }
}
