// The page of several runs: their ponds side by side, at the same generation, and plots over a shared axis.

import { ask } from "./api.js";
import { find, put } from "./dom.js";
import { Drawer } from "./drawer.js";
import { Lane } from "./lane.js";
import { Panels } from "./panels.js";

export class SeveralRuns {
  constructor(player, complain, keys) {
    Object.assign(this, { player, complain, keys, lanes: [], theme: "light", opened: null });
    this.drawer = new Drawer(find("drawer"), {
      opened: (id, kin) => this.marked((pond, own) => (own ? pond.choose(id, kin) : pond.choose(null))),
      closed: () => this.marked((pond) => pond.choose(null)),
    });
    this.panels = new Panels(find("panels"), find("groups"), (id, panel) => this.openOrganism(panel.run, id));
  }

  async listed(there) {
    this.opening ??= this.open(there);
    this.opening.catch(() => { this.opening = null; }); // so that it is tried again when there are other runs
    return this.opening;
  }

  /** Open the runs; those that are not there are told, and two that are left are still compared. */
  async open(there) {
    const keys = this.keys.filter((key) => there.includes(key));
    if (keys.length < 2) throw new Error("Expected the addresses of two to four runs, got fewer: choose them with the key c.");
    this.opened = keys;
    if (keys.length < this.keys.length) this.complain("Some of the runs asked for are not here any more; the others are shown.");
    const { runs, panels } = await ask("compare", { runs: keys.join() });
    this.lanes = runs.map((described) => new Lane(described, (id) => this.openOrganism(described.key, id)));
    put(find("lanes"), ...this.lanes.map((lane) => lane.element));
    find("lanes").dataset.count = this.lanes.length;
    document.title = `${runs.map((run) => run.name).join(" | ")} – Evolora`;
    for (const { stage } of this.lanes) {
      stage.pond.resize();
      stage.pond.paintAs(this.theme);
    }
    await Promise.all(this.lanes.map((lane) => lane.refresh(true)));
    this.player.open(this.first, this.last);
    this.place(panels);
    this.panels.update({ generation: null, grown: true });
    return this.opened;
  }

  get first() {
    return Math.min(...this.lanes.map((lane) => lane.run.first || 1));
  }

  get last() {
    return Math.max(...this.lanes.map((lane) => lane.run.last));
  }

  get strips() {
    return this.lanes.filter((lane) => lane.run).map((lane) => ({ strip: lane.run.strip, colour: lane.described.colour }));
  }

  /** Lay out the plots: one for all runs where they fit over each other, else a row with one for each. */
  place(panels) {
    const runs = this.opened.join();
    this.panels.show(runs, panels.flatMap((panel) => {
      if (panel.kind === "over") return [{ ...panel, path: `compare/${panel.key}`, parameters: { runs } }];
      const set = { key: panel.key, title: panel.title, caption: panel.caption };
      return this.lanes.filter((lane) => panel.runs.includes(lane.key)).map((lane) => ({
        ...panel, set, key: `${panel.key}-${lane.key}`, title: lane.described.name, colour: lane.described.colour, run: lane.key,
        organisms: ["specialisation", "phylogeny"].includes(panel.key), path: `runs/${lane.key}/panels/${panel.key}` }));
    }));
  }

  async grown(key) {
    const lane = this.lanes.find((own) => own.key === key);
    if (!lane) return;
    await lane.refresh(false);
    this.player.grow(this.last);
    const { panels } = await ask("compare", { runs: this.opened.join() });
    this.place(panels);
    this.panels.update({ grown: true });
  }

  /** Every run at a generation; one that has not come so far shows its last. */
  async show(generation) {
    if (!this.lanes.length || !this.lanes.every((lane) => lane.run)) return;
    this.wanted = generation;
    this.player.busy = true;
    try {
      const pace = this.player.playing ? this.player.perSecond : null;
      await Promise.all(this.lanes.map((lane) => lane.show(generation, this.player.heading, pace)));
      if (this.wanted === generation) document.body.dataset.generation = generation;
    } finally {
      if (this.wanted === generation) this.player.busy = false;
    }
  }

  openOrganism(key, id) {
    const lane = this.lanes.find((own) => own.key === key);
    Object.assign(this.drawer, { run: key, folder: lane.run.folder });
    this.drawer.open(id, Math.min(this.player.generation, lane.run.last));
  }

  marked(act) {
    for (const lane of this.lanes) act(lane.stage.pond, lane.key === this.drawer.run);
  }

  get ponds() {
    return this.lanes.map((lane) => lane.stage.pond);
  }

  themed(theme) {
    this.theme = theme;
    for (const pond of this.ponds) pond.paintAs(theme);
    this.panels.update({ theme });
  }
}
