// Which generation is shown: live, paused, scrubbed or replayed. Knows time, not pictures.

export class Player extends EventTarget {
  constructor() {
    super();
    this.first = 1;
    this.last = 1;
    this.generation = 1;
    this.live = true;
    this.playing = false;
    this.perSecond = 2;
    this.heading = 1;
    this.busy = false; // a picture is being fetched: replay waits instead of queueing
    this.due = 0;
  }

  /** A run, opened at its newest generation. */
  open(first, last) {
    this.stop();
    Object.assign(this, { first, last, generation: last, live: true });
    this.tell();
  }

  grow(last) {
    this.last = last;
    if (this.live || this.generation > last) this.generation = last;
    this.tell();
  }

  /** Look at a generation; the newest one of a run is followed only when asked to. */
  seek(generation, live = false) {
    const there = Math.min(this.last, Math.max(this.first, Math.round(generation)));
    this.heading = there >= this.generation ? 1 : -1;
    this.live = live;
    this.generation = there;
    this.tell();
  }

  step(by) {
    this.stop();
    this.seek(this.generation + by);
  }

  follow() {
    this.stop();
    this.seek(this.last, true);
  }

  toggle() {
    if (this.playing) {
      this.stop();
      this.tell();
    } else if (this.live && this.last > this.first) {
      this.live = false; // pause of the live view
      this.tell();
    } else {
      if (this.generation >= this.last) this.seek(this.first);
      this.start();
    }
  }

  /** Replay from the generation shown. */
  start() {
    this.stop();
    this.live = false;
    this.playing = true;
    this.due = performance.now();
    this.timer = setInterval(() => this.tick(), 16);
    this.tell();
  }

  stop() {
    clearInterval(this.timer);
    this.playing = false;
  }

  tick() {
    const now = performance.now();
    if (this.busy || now < this.due) return;
    this.due = Math.max(this.due + 1000 / this.perSecond, now - 200);
    if (this.generation >= this.last) {
      this.stop();
      this.live = true; // the replay has caught up
    } else {
      this.heading = 1;
      this.generation += 1;
    }
    this.tell();
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }
}
