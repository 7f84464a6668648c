// The groups of plots: drawn when they come into view, one at a time, and again when the run or the generation moves on.

import { ask } from "./api.js";
import { toCsv } from "./csv.js";
import { make, put } from "./dom.js";

const HEIGHT = 340;
const PAPER = 640; // pixels across a sheet of A4 or letter paper, inside a panel's frame
const HALF_PAPER = 310; // for plots that stand beside each other
const MOST_NAMED = 4; // traces in the legend of a narrow plot
const CONFIG = { responsive: true, displaylogo: false, displayModeBar: false, showSendToCloud: false };
let plotly; // a promise: four megabytes that nobody waits for before the pond is there

function loadPlotly() {
  plotly ??= new Promise((done, failed) => {
    const script = make("script", { src: "/page/plotly.js" });
    script.addEventListener("load", () => done(window.Plotly));
    script.addEventListener("error", () => failed(new Error("plotly.js is not in the plotly package")));
    document.head.append(script);
  });
  return plotly;
}

export class Panels {
  constructor(root, groups, open) {
    Object.assign(this, { root, groups, open, panels: new Map(), busy: false, generation: null, theme: "light", version: 0 });
    this.watcher = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: "240px" });
  }

  /** The plots of `subject`, described; those it already shows stay. Those of one `set` stand beside each other. */
  show(subject, described) {
    const keys = described.map((panel) => panel.key).join();
    if (subject === this.subject && keys === this.keys) return;
    Object.assign(this, { subject, keys });
    for (const panel of this.panels.values()) panel.clear();
    this.watcher.disconnect();
    this.panels = new Map(described.map((panel) => [panel.key, new Panel(panel, this)]));
    const names = [...new Set(described.map((panel) => panel.group))];
    put(this.root, ...names.map((name, index) => make("section", { class: "group", id: `group-${index}`, "aria-label": name },
      make("h2", {}, name), make("div", { class: "grid" }, ...this.laidOut(described.filter((panel) => panel.group === name))))));
    put(this.groups, make("a", { href: "#player" }, "Pond"), ...names.map((name, index) => make("a", { href: `#group-${index}` }, name)));
    for (const panel of this.panels.values()) this.watcher.observe(panel.element);
  }

  /** Elements for plots in their order, a set of them as one. */
  laidOut(described) {
    const sets = new Map();
    return described.map(({ key, set }) => {
      const { element } = this.panels.get(key);
      if (!set) return element;
      if (sets.has(set.key)) return sets.get(set.key).append(element);
      const members = make("div", { class: "members" }, element);
      sets.set(set.key, members);
      return make("article", { class: "panel wide", "data-set": set.key, "aria-label": set.title },
        make("header", {}, make("h3", {}, set.title)), members, make("p", { class: "caption" }, set.caption));
    });
  }

  /** The run has grown, another generation is shown (null: the newest), or the theme has changed. */
  update({ generation = this.generation, theme = this.theme, grown = false }) {
    this.generation = generation;
    this.theme = theme;
    if (grown && generation === null) this.version += 1;
    this.work();
  }

  seen(entries) {
    for (const entry of entries) {
      for (const panel of this.panels.values()) if (panel.element === entry.target) panel.inView = entry.isIntersecting;
    }
    this.work();
  }

  /** Give the plots that were drawn the width of a sheet, before the page is printed: there is no time to ask for others. */
  toPaper() {
    for (const panel of this.panels.values()) panel.toPaper();
  }

  fromPaper() {
    for (const panel of this.panels.values()) panel.state = null;
    this.work();
  }

  /** Draw whatever is in view and out of date, the first first; what is asked meanwhile comes next. */
  async work() {
    if (this.busy || this.paused) return;
    this.busy = true;
    try {
      for (;;) {
        const wanted = `${this.subject}/${this.generation}/${this.theme}/${this.version}`;
        const next = [...this.panels.values()].find((panel) => panel.inView && panel.state !== wanted);
        if (!next) break;
        await next.draw(this.generation, this.theme, wanted);
        const set = next.described.set?.key;
        if (set && next.figure) await align([...this.panels.values()].filter((panel) => panel.described.set?.key === set && panel.figure));
      }
    } finally {
      this.busy = false;
    }
  }
}

class Panel {
  constructor(described, owner) {
    Object.assign(this, { described, owner, inView: false, state: null, figure: null });
    const tool = (name, title, act) => make("button", { type: "button", title, "aria-label": `${described.title}: ${title}`, onclick: act }, name);
    this.plot = make("div", { class: "plot", "aria-busy": "true" });
    const title = make(described.set ? "h4" : "h3", {}, described.colour ? make("span", { class: "swatch", style: { background: described.colour }, "aria-hidden": "true" }) : null, described.title);
    const tools = make("div", { class: "tools" },
      tool("SVG", "download as SVG", () => this.picture("svg")),
      tool("PNG", "download as PNG", () => this.picture("png")),
      tool("CSV", "download the numbers", () => this.numbers()));
    const kind = described.set ? "member" : described.wide ? "panel wide" : "panel";
    this.element = make("article", { class: kind, "data-panel": described.key, "aria-label": described.title },
      make("header", {}, title, tools), this.plot, described.set ? null : make("p", { class: "caption" }, described.caption));
  }

  /** Ask for the figure and draw it; a plot that fails says so in its place and is not asked for again until something changes. */
  async draw(generation, theme, wanted) {
    this.state = wanted;
    this.plot.setAttribute("aria-busy", "true");
    try {
      const [library, figure] = await Promise.all([loadPlotly(), ask(this.described.path, { ...this.described.parameters, generation, theme })]);
      if (this.trouble) this.clear();
      this.figure = figure;
      // plotly forgets a figure's own height when the window changes, and takes its element's
      this.plot.style.minHeight = `${figure.layout.height ?? HEIGHT}px`;
      await library.react(this.plot, figure.data, { ...this.layout(), autosize: true }, CONFIG);
      this.plot.classList.add("drawn");
      this.plot.removeAllListeners?.("plotly_click");
      this.plot.on("plotly_click", (event) => this.clicked(event));
    } catch (error) {
      this.clear();
      this.trouble = make("p", { class: "trouble" }, error.message);
      this.plot.append(this.trouble);
    } finally {
      this.plot.removeAttribute("aria-busy");
    }
  }

  /** The figure's layout, see-through, as high as it asks for. */
  layout() {
    const { data, layout } = this.figure;
    const own = { ...layout, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", height: layout.height ?? HEIGHT };
    if (this.described.set && data.length > MOST_NAMED) own.showlegend = false; // a legend would take its plot's room
    return own;
  }

  toPaper() {
    if (!this.figure) return;
    // plotly fades redrawn ribbons in, too late for a printer: a new diagram is there at once
    if (this.figure.data.some((trace) => trace.type === "sankey")) window.Plotly.purge(this.plot);
    const width = this.described.set ? HALF_PAPER : PAPER;
    window.Plotly.react(this.plot, this.figure.data, { ...this.layout(), autosize: false, width }, { ...CONFIG, responsive: false });
  }

  clear() {
    if (this.figure) window.Plotly.purge(this.plot);
    this.figure = null;
    this.trouble = null;
    this.plot.classList.remove("drawn");
    put(this.plot);
  }

  clicked(event) {
    const id = this.described.organisms ? organismAt(event.points[0]) : null;
    if (id !== null) this.owner.open(id, this.described);
  }

  async picture(format) {
    if (!this.figure) return;
    const background = getComputedStyle(document.querySelector(".panel")).backgroundColor;
    const layout = { ...this.figure.layout, paper_bgcolor: background, plot_bgcolor: background, title: { text: this.described.title } };
    const size = { width: Math.max(700, this.plot.clientWidth), height: Math.max(420, this.plot.clientHeight + 60) };
    const url = await window.Plotly.toImage({ data: this.figure.data, layout }, { format, ...size, scale: format === "png" ? 3 : 1 });
    save(url, `${this.described.key}.${format}`);
  }

  numbers() {
    if (!this.figure) return;
    const url = URL.createObjectURL(new Blob([toCsv(this.figure)], { type: "text/csv" }));
    save(url, `${this.described.key}.csv`);
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}

/** Give plots beside each other one scale, for each axis on which all of them measure the same. */
async function align(panels) {
  const plots = panels.map((panel) => panel.plot);
  const names = Object.keys(plots[0]._fullLayout).filter((name) => /^[xy]axis\d*$/.test(name));
  const changes = plots.map(() => ({}));
  for (const name of names) {
    const axes = plots.map((plot) => plot._fullLayout[name]);
    if (axes.some((axis) => axis?.type !== "linear" || axis.title.text !== axes[0].title.text)) continue;
    const ends = axes.flatMap((axis) => axis.range);
    const range = [Math.min(...ends), Math.max(...ends)];
    axes.forEach((axis, index) => {
      const wanted = axis.range[0] > axis.range[1] ? [...range].reverse() : range;
      if (axis.range.some((end, place) => end !== wanted[place])) changes[index][`${name}.range`] = wanted;
    });
  }
  await Promise.all(plots.map((plot, index) => (Object.keys(changes[index]).length ? window.Plotly.relayout(plot, changes[index]) : null)));
}

/** The organism that a point stands for, whose id is its custom data; null for a point that is none. */
function organismAt(point) {
  const told = point?.customdata;
  return Number.isInteger(told) && told >= 0 ? told : null;
}

function save(url, name) {
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}
