// Light or dark: what the system says, until somebody chooses.

const PLACE = "evolora-theme";

export function chosenTheme() {
  const kept = localStorage.getItem(PLACE);
  if (kept === "light" || kept === "dark") return kept;
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

export function toggleTheme(theme) {
  const other = theme === "dark" ? "light" : "dark";
  localStorage.setItem(PLACE, other);
  return other;
}
