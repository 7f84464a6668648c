// The page: which run, which generation, what is told to whom.

import { ask, listen } from "./api.js";
import { dot, find, make, put } from "./dom.js";
import { Drawer } from "./drawer.js";
import { Frames } from "./frames.js";
import { bindKeys } from "./keys.js";
import { livesOff, showFamilies, showNow, showRichest, showSigns } from "./now.js";
import { Panels } from "./panels.js";
import { Player } from "./player.js";
import { Pond } from "./pond/pond.js";
import { chosenTheme, toggleTheme } from "./theme.js";
import { paintTrack } from "./track.js";
import { amount, count } from "./words.js";

const PANEL_PAUSE = 250; // milliseconds that the generation must rest before plots follow it

const player = new Player();
const drawer = new Drawer(find("drawer"), { opened: (id, kin) => pond.choose(id, kin), closed: () => pond.choose(null) });
const panels = new Panels(find("panels"), find("groups"), (id) => drawer.open(id));
const pond = new Pond(find("water"), look, { hover, open: (id) => openOrganism(id) });
let run = null; // the overview of the run shown
let key = null;
let frames = null;
let palette = ["#888888"];

/** A lineage's colour, and how many kernels tell apart lineages that share it. */
function look(lineage) {
  const number = Math.abs(lineage);
  return { colour: palette[number % palette.length], kernels: 1 + Math.floor(number / palette.length) % 3 };
}

function complain(message) {
  find("trouble").hidden = !message;
  find("trouble").textContent = message ?? "";
}

const openOrganism = (id) => drawer.open(id, player.generation);

// ---- runs

async function listRuns() {
  const { runs, newest } = await ask("runs");
  const asked = new URLSearchParams(location.search).get("run");
  put(find("run"), ...runs.map(({ key: own, title }) => make("option", { value: own }, title)));
  const keys = runs.map((one) => one.key);
  const wanted = keys.includes(key) ? key : keys.includes(asked) ? asked : newest;
  find("run").parentElement.hidden = !runs.length;
  if (!wanted) return showNothing("No run here yet. Start one with: evolora simulate tidepool");
  find("run").value = wanted;
  if (wanted !== key) await openRun(wanted);
}

function showNothing(message) {
  find("pond-empty").hidden = false;
  find("pond-empty").textContent = message;
}

async function openRun(wanted) {
  key = wanted;
  history.replaceState(null, "", `?run=${encodeURIComponent(key)}`);
  drawer.close();
  frames = new Frames(key);
  drawer.run = key;
  run = null;
  await refresh(true);
  await panels.show(key);
  panels.update({ generation: null, grown: true });
}

/** Take in a run's overview: at its opening, and whenever it has grown. */
async function refresh(opening) {
  const wanted = key;
  const overview = await ask(`runs/${wanted}`);
  if (wanted !== key) return;
  run = overview;
  palette = run.palette;
  drawer.folder = run.folder;
  document.title = `${run.name} – Evolora`;
  showState();
  frames.grow(run.last);
  const damaged = run.num_broken ? [`${count(run.num_broken)} damaged lines of its logs were passed over.`] : [];
  complain([...run.problems, ...damaged].join("  "));
  find("pond-empty").hidden = run.last > 0;
  if (!run.last) showNothing("The first generation is being lived. It will appear here by itself.");
  Object.assign(find("scrub"), { min: run.first, max: run.last });
  if (opening || !pond.frame) pond.open(run.niches.map((niche) => ({ name: niche.name, text: niche.name, x: niche.x, y: -niche.y, share: 0 })), run.peak);
  if (opening) player.open(run.first, run.last);
  else player.grow(run.last);
}

function showState() {
  const chip = find("state");
  chip.dataset.state = run.state;
  chip.textContent = run.state;
  find("counted").textContent = `seed ${run.seed}, host ${run.host || "unknown"}${run.is_thinned ? "; a very long run: some generations are left out" : ""}`;
}

async function grown(which) {
  if (which !== key) return;
  await refresh(false);
  await panels.show(key);
  panels.update({ grown: true });
}

// ---- generations

let wanted = 0;
let settling;

player.addEventListener("change", () => {
  find("play").setAttribute("aria-pressed", String(player.playing || player.live));
  find("play").setAttribute("aria-label", player.playing || player.live ? "Pause" : "Replay");
  find("live").setAttribute("aria-pressed", String(player.live));
  find("scrub").value = player.generation;
  put(find("shown"), `${count(player.generation)} `, make("small", {}, `of ${count(player.last)}`));
  if (run) paintTrack(find("track-picture"), run.strip, run.first, run.last, player.generation);
  showGeneration(player.generation).catch((error) => complain(error.message));
  clearTimeout(settling);
  settling = setTimeout(() => panels.update({ generation: player.live ? null : player.generation }), player.live ? 0 : PANEL_PAUSE);
});

/** Fetch and show a generation; one that is overtaken while it is fetched is not shown. */
async function showGeneration(generation) {
  if (!run || !frames || generation < run.first) return;
  wanted = generation;
  player.busy = true;
  const book = frames;
  try {
    const frame = await book.get(generation, player.heading);
    if (wanted !== generation || book !== frames || !frame) return;
    pond.show(frame, frame.now.niche_stocks ?? {}, player.playing ? player.perSecond : 1);
    showNow(find("now"), frame, run, player.live);
    showSigns(find("signs"), frame, theme, look);
    showFamilies(find("families"), frame, look);
    showRichest(find("richest"), frame, run.niches, look, openOrganism);
    find("water").setAttribute("aria-label", `The pond in generation ${generation}: ${frame.id.length} organisms, ${frame.births.length} born, ${frame.deaths.length} died`);
    document.body.dataset.generation = generation; // what is on the screen, for whoever waits for it
  } finally {
    if (wanted === generation) player.busy = false;
  }
}

function hover(cell, x, y) {
  const box = find("who");
  box.hidden = !cell;
  find("pond").toggleAttribute("data-hovering", Boolean(cell));
  if (!cell || !pond.frame) return;
  const { frame } = pond;
  const index = cell.index;
  put(box, make("strong", {}, dot(look(cell.lineage).colour), `organism ${cell.id}`),
    make("div", {}, `energy ${amount(frame.energy[index] ?? NaN)}${frame.score[index] === null ? "" : `, mean score ${frame.score[index].toFixed(2)}`}`),
    make("div", {}, `${livesOff(frame, index, run.niches)}, lineage ${cell.lineage}`),
    make("div", { class: "quiet" }, "click to open its life"));
  const area = find("pond").getBoundingClientRect();
  const left = Math.min(x + 16, area.width - box.offsetWidth - 8);
  const top = y + 18 + box.offsetHeight > area.height ? y - box.offsetHeight - 12 : y + 18;
  box.style.transform = `translate(${Math.max(8, left)}px, ${Math.max(8, top)}px)`;
}

// ---- controls

let theme = chosenTheme();

function applyTheme() {
  document.documentElement.dataset.theme = theme;
  pond.paintAs(theme);
  panels.update({ theme });
  player.tell();
}

find("run").addEventListener("change", (event) => openRun(event.target.value).catch((error) => complain(error.message)));
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
  if (/^\d{1,15}$/.test(text)) openOrganism(Number(text));
  else if (text) complain(`organism: expected a number, got ${text}`);
});
new ResizeObserver(() => player.tell()).observe(find("track-picture"));
bindKeys({ player, toggleTheme: () => find("theme").click(), close: () => drawer.close() });

applyTheme();
listRuns().catch((error) => complain(error.message));
listen({
  runs: () => listRuns().catch((error) => complain(error.message)),
  grown: (which) => grown(which).catch((error) => complain(error.message)),
  lost: () => complain("The dashboard's server does not answer; trying again. The run itself is not affected."),
  found: () => { if (find("trouble").textContent.startsWith("The dashboard's server")) complain(null); },
});
