// The numbers of a plot as CSV: a row a point, traces one after the other.

const TYPES = { f8: Float64Array, f4: Float32Array, i4: Int32Array, u4: Uint32Array, i2: Int16Array, u2: Uint16Array, i1: Int8Array, u1: Uint8Array, i8: BigInt64Array, u8: BigUint64Array };
const COLUMNS = ["x", "y", "z", "values", "labels", "text"];

/** A column of a trace as rows: plotly sends long ones as base64 of their bytes. */
export function plain(values) {
  if (values === undefined || values === null) return [];
  if (typeof values.bdata !== "string") return Array.from(values);
  const bytes = Uint8Array.from(atob(values.bdata), (character) => character.charCodeAt(0));
  const flat = Array.from(new (TYPES[values.dtype] ?? Float64Array)(bytes.buffer), Number);
  const shape = String(values.shape ?? "").split(",").map(Number);
  if (shape.length !== 2) return flat;
  return Array.from({ length: shape[0] }, (_, row) => flat.slice(row * shape[1], (row + 1) * shape[1]));
}

/** A figure's data as the text of a CSV file. */
export function toCsv(figure) {
  const rows = [];
  for (const [number, trace] of figure.data.entries()) rows.push(...traceRows(trace, trace.name ?? `${trace.type ?? "trace"} ${number + 1}`));
  const columns = ["trace", ...new Set(rows.flatMap((row) => Object.keys(row)).filter((name) => name !== "trace"))];
  return [columns.join(","), ...rows.map((row) => columns.map((column) => cell(row[column])).join(","))].join("\r\n") + "\r\n";
}

function traceRows(trace, name) {
  if (trace.type === "heatmap" || trace.type === "contour") return gridRows(trace, name);
  if (trace.type === "sankey") return linkRows(trace, name);
  if (trace.type === "table") return tableRows(trace, name);
  const columns = COLUMNS.map((column) => [column, plain(trace[column])]).filter(([, values]) => values.length);
  const length = Math.max(0, ...columns.map(([, values]) => values.length));
  return Array.from({ length }, (_, index) => ({ trace: name, ...Object.fromEntries(columns.map(([column, values]) => [column, values[index]])) }));
}

function gridRows(trace, name) {
  const [x, y, z] = [plain(trace.x), plain(trace.y), plain(trace.z)];
  return z.flatMap((row, down) => plain(row).map((value, across) => ({ trace: name, x: x[across] ?? across, y: y[down] ?? down, z: value })));
}

function linkRows(trace, name) {
  const labels = plain(trace.node?.label);
  const [from, to, value] = [plain(trace.link?.source), plain(trace.link?.target), plain(trace.link?.value)];
  return value.map((amount, index) => ({ trace: name, from: labels[from[index]] ?? from[index], to: labels[to[index]] ?? to[index], value: amount }));
}

function tableRows(trace, name) {
  const heads = plain(trace.header?.values);
  const columns = plain(trace.cells?.values).map(plain);
  return (columns[0] ?? []).map((_, row) => ({ trace: name, ...Object.fromEntries(heads.map((head, column) => [String(head), columns[column]?.[row]])) }));
}

/** Quoted where it must be; text that a spreadsheet would run as a formula is made plain text. */
function cell(value) {
  if (value === undefined || value === null || Number.isNaN(value)) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t]/.test(String(value)) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
