// Everything by keyboard: the list stands in the help.

import { find } from "./dom.js";

const TYPING = new Set(["INPUT", "SELECT", "TEXTAREA"]);

export function bindKeys({ player, toggleTheme, compare, close }) {
  const acts = {
    " ": () => player.toggle(),
    ArrowLeft: (event) => player.step(event.shiftKey ? -10 : -1),
    ArrowRight: (event) => player.step(event.shiftKey ? 10 : 1),
    Home: () => player.step(-Infinity),
    End: () => player.follow(),
    l: () => player.follow(),
    t: toggleTheme,
    c: compare,
    "/": () => find("search-field").focus(),
    "?": () => find("help").showModal(),
    Escape: close,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const at = document.activeElement;
    if (event.key === "Escape" && at?.id === "search-field") at.blur();
    const own = TYPING.has(at?.tagName) || (event.key === " " && (at?.tagName === "BUTTON" || at?.tagName === "A"));
    if ((own && event.key !== "Escape") || !Object.hasOwn(acts, event.key)) return;
    event.preventDefault();
    acts[event.key](event);
  });
}
