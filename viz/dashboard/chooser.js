// The dialog that chooses which runs stand beside each other. All of it works by keyboard.

import { find, make, put } from "./dom.js";

const [FEWEST, MOST] = [2, 4];

export class Chooser {
  constructor() {
    this.dialog = find("chooser");
    this.runs = [];
    this.chosen = new Set();
    find("chooser-filter").addEventListener("input", () => this.list());
    find("chooser-form").addEventListener("submit", (event) => this.submit(event));
    find("chooser-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("keydown", (event) => this.move(event));
  }

  /** Ask for runs out of `runs` ({key, title}), those of `keys` chosen already. */
  open(runs, keys) {
    if (this.dialog.open) return;
    this.runs = runs;
    this.chosen = new Set(keys.filter((key) => runs.some((run) => run.key === key)));
    find("chooser-filter").value = "";
    find("chooser-filter").parentElement.hidden = runs.length < 12;
    this.list();
    this.dialog.showModal();
    this.boxes[0]?.focus();
  }

  get boxes() {
    return [...find("chooser-list").querySelectorAll("input")];
  }

  list() {
    const wanted = find("chooser-filter").value.trim().toLowerCase();
    put(find("chooser-list"), ...this.runs.filter((run) => run.title.toLowerCase().includes(wanted)).map(({ key, title }) => {
      const box = make("input", { type: "checkbox", value: key, checked: this.chosen.has(key) });
      box.addEventListener("change", () => { this.chosen[box.checked ? "add" : "delete"](key); this.count(); });
      return make("li", {}, make("label", {}, box, title));
    }));
    this.count();
  }

  /** No more can be ticked than fit; fewer than two cannot be compared. */
  count() {
    const number = this.chosen.size;
    for (const box of this.boxes) box.disabled = number >= MOST && !box.checked;
    find("chooser-go").disabled = number < FEWEST;
    find("chooser-count").textContent = number < FEWEST ? `Choose ${FEWEST} to ${MOST} runs.` : `${number} of at most ${MOST} chosen.`;
  }

  move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter" && event.target.type === "checkbox") {
      event.preventDefault();
      find("chooser-form").requestSubmit(find("chooser-go").disabled ? null : find("chooser-go"));
    }
    if (!step) return;
    const boxes = this.boxes.filter((box) => !box.disabled);
    const at = boxes.indexOf(document.activeElement);
    event.preventDefault();
    boxes[Math.min(boxes.length - 1, Math.max(0, at + step))]?.focus();
  }

  submit(event) {
    event.preventDefault();
    if (this.chosen.size >= FEWEST) location.assign(`?compare=${[...this.chosen].map(encodeURIComponent).join()}`);
  }
}
