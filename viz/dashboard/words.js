// Numbers and causes as people read them.

export const CAUSES = {
  insolvency: { title: "broke", says: "owed more than it had" },
  crowding: { title: "crowded out", says: "made room for a birth" },
  age: { title: "old age", says: "reached the greatest age" },
  shock: { title: "shock", says: "an event of the world took it" },
};

export const causeTitle = (cause) => (Object.hasOwn(CAUSES, cause) ? CAUSES[cause].title : cause);

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A count, with thousands apart. */
export const count = (value) => (Number.isFinite(value) ? whole.format(value) : "–");

/** A quantity with about three digits that matter. */
export function amount(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 100) return whole.format(value);
  if (size >= 10) return value.toFixed(1);
  if (size === 0 || size >= 0.01) return value.toFixed(2);
  return value.toExponential(1);
}

/** Seconds as people say them. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.round(hours / 24)} days`;
}

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** "3 broke, 1 old age" out of {insolvency: 3, age: 1}. */
export function listed(counts, title = (name) => name) {
  const parts = Object.entries(counts).filter(([, number]) => number > 0);
  return parts.map(([name, number]) => `${count(number)} ${title(name)}`).join(", ");
}
