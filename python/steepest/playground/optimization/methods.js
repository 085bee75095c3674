// The methods: which are shown, their colors, and what each has come to in the step that is shown.

import { check, digits, el, svg } from "/controls.js";

const COLORS = { random: 7, local: 3, analytic: 0, numerical: 1, momentum: 5, rmsprop: 4, adam: 2 };
const RULES = {
  random: "try weights anywhere on the surface, keep the best",
  local: "try a random step, of a twentieth of the surface's width, keep it if the loss falls",
  analytic: "w −= rate · gradient, the gradient by calculus",
  numerical: "w −= rate · gradient, the gradient by central differences of the loss",
  momentum: "v = momentum · v − rate · gradient;  w += v",
  nesterov: "v = momentum · v − rate · gradient;  w += momentum · v − rate · gradient",
  adagrad: "s += gradient²;  w −= rate · gradient / √s",
  rmsprop: "s = 0.99 s + 0.01 gradient²;  w −= rate · gradient / √s",
  adam: "means m of the gradient (0.9) and s of its square (0.999), corrected at first;  w −= rate · m / √s",
};

/** Yellow is hard to see on white, so it is mixed with ink. */
export const colorOf = (name, colors) =>
  (name === "adagrad" ? `color-mix(in srgb, ${colors[6]} 62%, var(--ink))` : colors[COLORS[name]] ?? "var(--ink)");
export const dashesOf = (name) => (name === "numerical" ? "6 6" : null);

/** A table with a box to check for each method; `change(names)` tells which are. */
export class MethodTable {
  constructor({ methods, colors, shown, change }) {
    this.traces = {};
    const changed = () => change(this.shown);
    this.rows = methods.map(([name, title]) => this.row(name, title, colors, shown.includes(name), changed));
    const heads = ["Method", "Loss", "Loss evaluations", "Distance to minimum"];
    const head = el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)));
    this.titles = Object.fromEntries(methods);
    this.ends = el("div", { class: "ends note", id: "optimization-ends", role: "status" });
    const table = el("table", { class: "numbers methods", id: "optimization-methods" },
      el("thead", {}, head), el("tbody", {}, ...this.rows.map((row) => row.element)));
    this.element = el("div", { class: "stack" }, table, this.ends);
  }

  /** A method's row: its box, its color, its numbers. */
  row(name, title, colors, value, change) {
    const box = check({ label: title, id: `optimization-method-${name}`, value, change });
    const line = svg("path", { d: "M0 6H22", "stroke-dasharray": dashesOf(name) });
    line.style.stroke = colorOf(name, colors);
    box.input.after(svg("svg", { class: "swatch", width: 22, height: 12, "aria-hidden": "true" }, line));
    const cells = [0, 1, 2].map(() => el("td"));
    const element = el("tr", { title: RULES[name] }, el("th", { scope: "row" }, box.element), ...cells);
    return { name, box, cells, element };
  }

  get shown() { return this.rows.filter(({ box }) => box.value).map(({ name }) => name); }
  set shown(names) { for (const { name, box } of this.rows) box.value = names.includes(name); }

  /** Other paths, and which of them diverged, or left the picture. */
  draw(traces, { diverged, left }) {
    this.traces = Object.fromEntries(traces.map((trace) => [trace.name, trace]));
    const told = (what, kind, ends) => (ends.length ? [el("p", { class: kind }, `${what}: ${ends.join(", ")}.`)] : []);
    const ends = [
      ...told("Diverged", "warning", Object.entries(diverged).map(([name, step]) => `${this.titles[name]} at step ${step}`)),
      ...told("Left the plot", null, Object.entries(left).map(([name, [step, back]]) =>
        `${this.titles[name]} at step ${step}${back === null ? "" : ` (back at ${back})`}`))];
    this.ends.replaceChildren(...(ends.length || !traces.length ? ends : ["All paths stay within the plot."]));
  }

  /** The numbers of this step. */
  step(at) {
    for (const { name, cells: [loss, evaluations, distance] } of this.rows) {
      const trace = this.traces[name];
      const ended = trace && at >= trace.losses.length;
      const place = trace ? Math.min(at, trace.losses.length - 1) : 0;
      loss.className = ended ? "warning" : "";
      loss.textContent = !trace ? "" : ended ? "diverged" : digits(trace.losses[place], 4);
      evaluations.textContent = trace ? trace.evaluations[place].toLocaleString("en-US") : "";
      distance.textContent = !trace ? "" : ended ? "–" : digits(trace.distances[place], 3);
    }
  }
}
