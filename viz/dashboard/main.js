// The page: time, themes and keys, and which view there is: one run, or several beside each other.

import { ask, listen } from "./api.js";
import { Chooser } from "./chooser.js";
import { find, make, put } from "./dom.js";
import { bindKeys } from "./keys.js";
import { Player } from "./player.js";
import { SeveralRuns } from "./several.js";
import { SingleRun } from "./single.js";
import { chosenTheme, toggleTheme } from "./theme.js";
import { paintTrack } from "./track.js";
import { count } from "./words.js";

const PANEL_PAUSE = 250; // milliseconds that the generation must rest before plots follow it

const compared = new URLSearchParams(location.search).get("compare");
document.body.dataset.view = compared ? "several" : "single";
const player = new Player();
const chooser = new Chooser();
const view = compared ? new SeveralRuns(player, complain, [...new Set(compared.split(","))].slice(0, 4)) : new SingleRun(player, complain);
let runs = [];
let shown = []; // keys of the runs on the screen

function complain(message) {
  find("trouble").hidden = !message;
  find("trouble").textContent = message ?? "";
}

const tell = (error) => complain(error.message);

async function listRuns() {
  const answer = await ask("runs");
  runs = answer.runs;
  const keys = runs.map((one) => one.key);
  put(find("run"), compared ? make("option", { value: "" }, "several runs") : null, ...runs.map(({ key, title }) => make("option", { value: key }, title)));
  find("run").parentElement.hidden = !runs.length;
  find("compare").hidden = runs.length < 2;
  const opened = await view.listed(keys, answer.newest);
  if (!opened) return;
  shown = [opened].flat();
  find("run").value = compared ? "" : opened;
}

function choose(key) {
  if (compared) location.assign(`?run=${encodeURIComponent(key)}`);
  else view.open(key).then(() => { shown = [key]; }).catch(tell);
}

// ---- time

let settling;

player.addEventListener("change", () => {
  find("play").setAttribute("aria-pressed", String(player.playing || player.live));
  find("play").setAttribute("aria-label", player.playing || player.live ? "Pause" : "Replay");
  find("live").setAttribute("aria-pressed", String(player.live));
  Object.assign(find("scrub"), { min: player.first, max: player.last, value: player.generation });
  put(find("shown"), `${count(player.generation)} `, make("small", {}, `of ${count(player.last)}`));
  paintTrack(find("track-picture"), view.strips, player.first, player.last, player.generation);
  view.show(player.generation).catch(tell);
  clearTimeout(settling);
  settling = setTimeout(() => view.panels.update({ generation: player.live ? null : player.generation }), player.live ? 0 : PANEL_PAUSE);
});

// ---- controls

let theme = chosenTheme();

function applyTheme() {
  document.documentElement.dataset.theme = theme;
  view.themed(theme);
  player.tell();
}

find("run").addEventListener("change", (event) => choose(event.target.value));
find("compare").addEventListener("click", () => chooser.open(runs, shown));
find("first").addEventListener("click", () => player.step(-Infinity));
find("back").addEventListener("click", () => player.step(-1));
find("forward").addEventListener("click", () => player.step(1));
find("play").addEventListener("click", () => player.toggle());
find("live").addEventListener("click", () => player.follow());
find("scrub").addEventListener("input", (event) => { player.stop(); player.seek(Number(event.target.value)); });
find("speed").addEventListener("change", (event) => { player.perSecond = Number(event.target.value); });
find("theme").addEventListener("click", () => { theme = toggleTheme(theme); applyTheme(); });
find("help-button").addEventListener("click", () => find("help").showModal());
find("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = find("search-field").value.trim().replace(/^#/, "");
  if (/^\d{1,15}$/.test(text)) view.openOrganism(Number(text));
  else if (text) complain(`organism: expected a number, got ${text}`);
});
addEventListener("beforeprint", () => {
  for (const pond of view.ponds) pond.paintForPaper();
  view.panels.toPaper();
});
addEventListener("afterprint", () => {
  for (const pond of view.ponds) pond.paintAs(theme);
  view.panels.fromPaper();
});
new ResizeObserver(() => player.tell()).observe(find("track-picture"));
bindKeys({ player, toggleTheme: () => find("theme").click(), compare: () => find("compare").click(), close: () => view.drawer.close() });

applyTheme();
listRuns().catch(tell);
listen({
  runs: () => listRuns().catch(tell),
  grown: (which) => view.grown(which).catch(tell),
  lost: () => complain("The dashboard's server does not answer; trying again. The run itself is not affected."),
  found: () => { if (find("trouble").textContent.startsWith("The dashboard's server")) complain(null); },
});
