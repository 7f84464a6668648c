// The pond itself: its shore, the light in its water, and the springs of energy at its rim.

import { closed, tint } from "./sprites.js";

export const COLOURS = {
  light: { deep: "#c3dcd9", shallow: "#e3f1ed", shore: "#9fc4bf", light: "#ffffff", ink: "#17332f", soft: "#47645f", spring: "#0b8f85", mark: "#7c2109", halo: "#ffffffd0", dead: "#7d8a87" },
  dark: { deep: "#051519", shallow: "#0f3038", shore: "#1d4a50", light: "#7fe6dc", ink: "#e3f2ee", soft: "#9bb8b2", spring: "#54d6c8", mark: "#ffb192", halo: "#031012c0", dead: "#7d8f8c" },
};

/** How a picture of `width` by `height` pixels is laid out: the pond's middle and its half-axes, inside the labels. */
export function layOut(width, height) {
  const small = width < 560;
  const beside = small ? 30 : Math.min(132, width * 0.13);
  return { width, height, x: width / 2, y: height / 2, across: width / 2 - beside, down: height / 2 - (small ? 38 : 48), small };
}

/** The still part, painted once for a size and theme. */
export function paintGround(area, theme, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = area.width * scale;
  canvas.height = area.height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const colours = COLOURS[theme];
  const ground = pen.createRadialGradient(area.x, area.y, 0, area.x, area.y, Math.hypot(area.width, area.height) / 2);
  ground.addColorStop(0, tint(colours.shallow, 0.9));
  ground.addColorStop(1, tint(colours.deep, theme === "dark" ? 0.2 : 0.35));
  pen.fillStyle = ground;
  pen.fillRect(0, 0, area.width, area.height);
  for (const [grown, alpha] of [[26, 0.25], [12, 0.4], [0, 1]]) {
    const path = shore(area, grown);
    const water = pen.createRadialGradient(area.x, area.y * 0.8, 0, area.x, area.y, Math.max(area.across, area.down) + grown);
    water.addColorStop(0, tint(colours.shallow, alpha));
    water.addColorStop(1, tint(colours.deep, alpha));
    pen.fillStyle = water;
    pen.fill(path);
  }
  pen.strokeStyle = tint(colours.shore, 0.9);
  pen.lineWidth = 1.5;
  pen.stroke(shore(area, 0));
  pen.strokeStyle = tint(colours.shore, 0.35);
  pen.lineWidth = 1;
  for (const share of [0.36, 0.7]) {
    pen.beginPath();
    pen.ellipse(area.x, area.y, area.across * share, area.down * share, 0, 0, 6.3);
    pen.stroke();
  }
  return canvas;
}

function shore(area, grown) {
  const points = Array.from({ length: 40 }, (_, index) => {
    const angle = index * 6.2832 / 40;
    const wobble = 1.035 + 0.012 * Math.sin(angle * 5 + 1) + 0.01 * Math.sin(angle * 3);
    return [area.x + (area.across * wobble + grown) * Math.cos(angle), area.y + (area.down * wobble + grown) * Math.sin(angle)];
  });
  return closed(points);
}

let patch;

/** Slow patches of light. */
export function paintLight(pen, area, theme, time) {
  patch ??= softPatch();
  pen.save();
  pen.globalCompositeOperation = theme === "dark" ? "screen" : "soft-light";
  for (let number = 0; number < 5; number += 1) {
    const angle = number * 1.9 + time * 0.021 * (number % 2 ? 1 : -1);
    const far = 0.25 + 0.4 * ((number * 0.618) % 1);
    const size = Math.min(area.across, area.down) * (0.9 + 0.25 * Math.sin(time * 0.11 + number * 2));
    pen.globalAlpha = (theme === "dark" ? 0.085 : 0.5) * (0.75 + 0.25 * Math.sin(time * 0.23 + number));
    pen.drawImage(patch, area.x + Math.cos(angle) * area.across * far - size, area.y + Math.sin(angle) * area.down * far - size, size * 2, size * 2);
  }
  pen.restore();
}

function softPatch() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 128;
  const pen = canvas.getContext("2d");
  const light = pen.createRadialGradient(64, 64, 0, 64, 64, 64);
  light.addColorStop(0, "rgb(190 255 245 / 100%)");
  light.addColorStop(1, "rgb(190 255 245 / 0%)");
  pen.fillStyle = light;
  pen.fillRect(0, 0, 128, 128);
  return canvas;
}

/** The springs at the rim, one for each niche: a glow as wide as the energy waiting there. */
export function paintSprings(pen, area, springs, theme, time) {
  const colours = COLOURS[theme];
  for (const spring of springs) {
    const [x, y] = [area.x + spring.x * area.across, area.y + spring.y * area.down];
    const breath = 1 + 0.05 * Math.sin(time * 0.9 + spring.x * 7);
    const wide = (16 + 46 * Math.sqrt(spring.share)) * breath * (area.small ? 0.7 : 1);
    const light = pen.createRadialGradient(x, y, 0, x, y, wide);
    light.addColorStop(0, tint(colours.spring, theme === "dark" ? 0.5 : 0.42));
    light.addColorStop(0.4, tint(colours.spring, 0.18));
    light.addColorStop(1, tint(colours.spring, 0));
    pen.fillStyle = light;
    pen.beginPath();
    pen.arc(x, y, wide, 0, 6.3);
    pen.fill();
    pen.fillStyle = colours.spring;
    pen.beginPath();
    pen.arc(x, y, 3.5, 0, 6.3);
    pen.fill();
  }
}

/** The springs' names, over everything. */
export function paintNames(pen, area, springs, theme) {
  pen.font = `600 ${area.small ? 11 : 13}px system-ui, "Noto Sans", "DejaVu Sans", sans-serif`;
  for (const spring of springs) label(pen, area, spring, COLOURS[theme]);
}

function label(pen, area, spring, colours) {
  const out = area.small ? 9 : 14;
  const length = Math.hypot(spring.x, spring.y) || 1;
  let x = area.x + spring.x * area.across + spring.x / length * out;
  let y = area.y + spring.y * area.down + spring.y / length * (out + 4);
  const sideways = Math.abs(spring.x) / length > 0.35 && !area.small;
  pen.textAlign = sideways ? (spring.x > 0 ? "left" : "right") : "center";
  pen.textBaseline = "middle";
  const text = spring.text;
  const wide = pen.measureText(text).width;
  const left = pen.textAlign === "left" ? x : pen.textAlign === "right" ? x - wide : x - wide / 2;
  x += Math.max(0, 6 - left) - Math.max(0, left + wide - area.width + 6);
  y = Math.min(area.height - 12, Math.max(12, y));
  pen.lineJoin = "round";
  pen.lineWidth = 4;
  pen.strokeStyle = colours.halo;
  pen.strokeText(text, x, y);
  pen.fillStyle = colours.ink;
  pen.fillText(text, x, y);
}
