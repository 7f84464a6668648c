"use strict";
// Draws the plots near the screen first and the others while nothing else is to be done, in the theme that is wanted now.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const templates = read("templates");
  const figures = read("figures");
  const drawn = new Set();
  const button = document.getElementById("theme");
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  let theme = prefersDark.matches ? "dark" : "light";

  const save = (name, kind, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: kind }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  // A quoted cell; one that a spreadsheet would take for a formula is made text.
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    const safe = /^[=+@\t\r]|^-[^0-9.]/.test(text) ? `'${text}` : text;
    return `"${safe.replace(/"/g, '""')}"`;
  };

  const rowsOf = (trace) => {
    if (trace.type === "heatmap") {
      return Array.from(trace.z, (row, i) => Array.from(row, (z, j) => [trace.y[i], trace.x[j], z])).flat();
    }
    if (trace.type === "sankey") {
      const link = trace.link;
      return Array.from(link.value, (value, i) => [trace.node.label[link.source[i]], trace.node.label[link.target[i]], value]);
    }
    return Array.from(trace.x || trace.y || [], (x, i) => [x, (trace.y || [])[i], ""]);
  };

  const csv = (plot) => {
    const lines = [["trace", "x or from", "y or to", "value"].map(cell).join(",")];
    for (const trace of plot._fullData) {
      for (const row of rowsOf(trace)) lines.push([trace.name, ...row].map(cell).join(","));
    }
    return `${lines.join("\n")}\n`;
  };

  const download = (format) => (plot) =>
    Plotly.downloadImage(plot, { format, filename: plot.id, width: plot.offsetWidth, height: plot.offsetHeight, scale: 2 });

  const config = {
    responsive: true,
    displaylogo: false,
    displayModeBar: "hover",
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"], [
      { name: "svg", title: "Save as SVG", icon: Plotly.Icons.camera, click: download("svg") },
      { name: "png", title: "Save as PNG", icon: Plotly.Icons.camera, click: download("png") },
      { name: "csv", title: "Save the data as CSV", icon: Plotly.Icons.disk, click: (plot) => save(`${plot.id}.csv`, "text/csv", csv(plot)) },
    ]],
  };

  const PAPER = 700; // pixels across a sheet of A4 or letter paper, between its margins
  let width; // of every plot; undefined: as wide as there is room

  const draw = (plot) => {
    const figure = figures[plot.id];
    drawn.add(plot);
    plot.style.minHeight = figure.layout.height ? `${figure.layout.height}px` : "";
    // plotly fades redrawn ribbons in, too late for a printer: a new diagram is there at once
    if (figure.data.some((trace) => trace.type === "sankey")) Plotly.purge(plot);
    return Plotly.react(plot, figure.data, { ...figure.layout, template: templates[theme], width }, config);
  };

  const setTheme = (wanted) => {
    theme = wanted;
    document.documentElement.dataset.theme = theme;
    button.textContent = theme === "dark" ? "light" : "dark";
    button.setAttribute("aria-label", `change to the ${button.textContent} theme`);
    drawn.forEach(draw);
  };

  const plots = [...document.querySelectorAll(".plot")];
  const near = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting && !drawn.has(entry.target)) draw(entry.target);
      }
    },
    { rootMargin: "800px" },
  );
  setTheme(theme);
  plots.forEach((plot) => near.observe(plot));
  const drawRest = () => {
    const next = plots.find((plot) => !drawn.has(plot));
    if (next) {
      draw(next);
      setTimeout(drawRest, 20);
    }
  };
  setTimeout(drawRest, 300);
  button.addEventListener("click", () => setTheme(theme === "dark" ? "light" : "dark"));
  prefersDark.addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
  let before = theme;
  window.addEventListener("beforeprint", () => {
    before = theme;
    width = PAPER;
    setTheme("light");
    plots.filter((plot) => !drawn.has(plot)).forEach(draw);
    document.querySelectorAll("details").forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => {
    width = undefined;
    setTheme(before);
  });
})();
