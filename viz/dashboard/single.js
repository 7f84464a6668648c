// The page of one run: its pond, its numbers, its plots.

import { ask } from "./api.js";
import { find } from "./dom.js";
import { Drawer } from "./drawer.js";
import { Frames } from "./frames.js";
import { showFamilies, showNow, showRichest, showSigns } from "./now.js";
import { Panels } from "./panels.js";
import { Stage } from "./stage.js";
import { count } from "./words.js";

export class SingleRun {
  constructor(player, complain) {
    Object.assign(this, { player, complain, key: null, run: null, frames: null, wanted: 0, theme: "light" });
    this.drawer = new Drawer(find("drawer"), { opened: (id, kin) => this.stage.pond.choose(id, kin), closed: () => this.stage.pond.choose(null) });
    this.stage = new Stage(find("pond"), find("water"), find("who"), (id) => this.openOrganism(id));
    this.panels = new Panels(find("panels"), find("groups"), (id) => this.drawer.open(id));
  }

  openOrganism = (id) => this.drawer.open(id, this.player.generation);

  /** Open a run; `keys` are all there are, `newest` the one written to last. */
  async listed(keys, newest) {
    const asked = new URLSearchParams(location.search).get("run");
    const wanted = keys.includes(this.key) ? this.key : keys.includes(asked) ? asked : newest;
    if (!wanted) this.showNothing("No run here yet. Start one with: evolora simulate tidepool");
    else if (wanted !== this.key) await this.open(wanted);
    return wanted;
  }

  async open(key) {
    this.key = key;
    history.replaceState(null, "", `?run=${encodeURIComponent(key)}`);
    this.drawer.close();
    this.frames = new Frames(key);
    this.drawer.run = key;
    this.run = null;
    await this.refresh(true);
    await this.list();
    this.panels.update({ generation: null, grown: true });
  }

  /** Take in the run's overview: at its opening, and whenever it has grown. */
  async refresh(opening) {
    const wanted = this.key;
    const run = await ask(`runs/${wanted}`);
    if (wanted !== this.key) return;
    this.run = run;
    this.drawer.folder = run.folder;
    document.title = `${run.name} – Evolora`;
    this.showState();
    this.frames.grow(run.last);
    const damaged = run.num_broken ? [`${count(run.num_broken)} damaged lines of its logs were passed over.`] : [];
    this.complain([...run.problems, ...damaged].join("  "));
    find("pond-empty").hidden = run.last > 0;
    if (!run.last) this.showNothing("The first generation is being lived. It will appear here by itself.");
    this.stage.take(run, opening);
    if (opening) this.player.open(run.first, run.last);
    else this.player.grow(run.last);
  }

  showState() {
    const chip = find("state");
    chip.dataset.state = this.run.state;
    chip.textContent = this.run.state;
    find("counted").textContent = `seed ${this.run.seed}, host ${this.run.host || "unknown"}${this.run.is_thinned ? "; a very long run: some generations are left out" : ""}`;
  }

  showNothing(message) {
    find("pond-empty").hidden = false;
    find("pond-empty").textContent = message;
  }

  async list() {
    const wanted = this.key;
    const { panels } = await ask(`runs/${wanted}/panels`);
    if (wanted === this.key) this.panels.show(wanted, panels.map((panel) => ({ ...panel, path: `runs/${wanted}/panels/${panel.key}` })));
  }

  async grown(key) {
    if (key !== this.key) return;
    await this.refresh(false);
    await this.list();
    this.panels.update({ grown: true });
  }

  get strips() {
    return this.run ? [{ strip: this.run.strip, colour: null }] : [];
  }

  /** Fetch and show a generation; one that is overtaken while it is fetched is not shown. */
  async show(generation) {
    const { run, frames, player } = this;
    if (!run || !frames || generation < run.first) return;
    this.wanted = generation;
    player.busy = true;
    try {
      const frame = await frames.get(generation, player.heading);
      if (this.wanted !== generation || frames !== this.frames || !frame) return;
      const { look } = this.stage;
      this.stage.show(frame, player.playing ? player.perSecond : null);
      showNow(find("now"), frame, run, player.live);
      showSigns(find("signs"), frame, this.theme, look);
      showFamilies(find("families"), frame, look);
      showRichest(find("richest"), frame, run.niches, look, this.openOrganism);
      document.body.dataset.generation = generation; // what is on the screen, for whoever waits for it
    } finally {
      if (this.wanted === generation) player.busy = false;
    }
  }

  get ponds() {
    return [this.stage.pond];
  }

  themed(theme) {
    this.theme = theme;
    this.stage.pond.paintAs(theme);
    this.panels.update({ theme });
  }
}
