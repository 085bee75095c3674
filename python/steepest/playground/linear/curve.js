// A small curve of the total loss over the steps.

import { Chart } from "/chart.js";
import { el } from "/controls.js";
import { fixed } from "./format.js";

const MOST = 600; // numbers kept; then every other is left out

/** One that grows with each answer. */
export class Curve {
  constructor() {
    this.chart = new Chart({ label: "Total loss over the steps", x: [0, 50], y: [0, 4], width: 440, height: 150,
      xLabel: "steps", yLabel: "" });
    this.now = el("span", { class: "note figure" });
    this.element = el("div", { class: "card stack" }, el("h2", {}, "Total loss ", this.now), this.chart.element);
    this.clear();
  }

  /** Begin anew. */
  clear() {
    Object.assign(this, { values: [], done: 0, stride: 1 });
  }

  /** The totals before each of some steps, and after the last. */
  add(totals, steps) {
    if (!steps || !this.values.length) this.put(this.done, totals[0]);
    for (let i = 1; i <= steps; i++) {
      this.done++;
      this.put(this.done, totals[i]);
    }
    this.now.textContent = `${fixed(totals.at(-1), 4)} after ${this.done} step${this.done === 1 ? "" : "s"}`;
    this.draw();
  }

  /** The total after a step; the last one is replaced if it is of the same step, or of one to be left out. */
  put(step, total) {
    const last = this.values.at(-1);
    if (last && (last[0] === step || last[0] % this.stride)) this.values.pop();
    this.values.push([step, total]);
    if (this.values.length <= MOST) return;
    this.stride *= 2;
    this.values = this.values.filter(([at]) => at % this.stride === 0);
  }

  draw() {
    const xs = this.values.map(([step]) => step), ys = this.values.map(([, total]) => total);
    this.chart.scale([0, rounded(Math.max(50, this.done))], [0, rounded(Math.max(...ys, 1e-6))]);
    this.chart.draw([{ xs, ys, name: "total", color: "var(--accent)" }]);
  }
}

/** The next of 1, 2, 5, 10, 20 and so on. */
function rounded(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10);
}
