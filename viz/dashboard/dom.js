// Elements are only ever made here, and text only ever goes in as text: a run's names are never read as markup.

const VECTOR = "http://www.w3.org/2000/svg";

export const find = (id) => document.getElementById(id);

/** An element with attributes; `on...` are listeners, `style` an object, children nodes or text. */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for a part of an SVG picture. */
export function makeVector(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(VECTOR, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Let `element` hold `children` and nothing else. */
export function put(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/** A dot in a lineage's colour. */
export const dot = (colour) => make("span", { class: "dot", style: { background: colour }, "aria-hidden": "true" });
