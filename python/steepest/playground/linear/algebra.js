// The algebraic view: W x + b and the loss of one sample, with its numbers.

import { el } from "/controls.js";
import { fixed, inner } from "./format.js";

/** It shows the sample that is chosen. */
export class Algebra {
  constructor() {
    this.title = el("h2", {});
    this.scores = el("div", { class: "product", role: "img" });
    this.lines = el("table", { class: "numbers terms" });
    this.total = el("p", { class: "figure" });
    this.element = el("div", { class: "card stack algebra" }, this.title, this.scores, this.lines, this.total);
  }

  draw({ W, b, points, loss }, { samples }, place) {
    const [x, y, kind] = points[place], scores = samples.scores[place];
    this.title.textContent = `Algebraic view: sample ${place + 1}, of class ${kind}`;
    this.scores.replaceChildren(part("W", matrix(W)), "·", part("x", matrix([[x], [y]])), "+",
      part("b", matrix(b.map(alone))), "=", part("scores s", matrix(scores.map(alone), kind)));
    const said = scores.map((value) => fixed(value)).join(", ");
    this.scores.setAttribute("aria-label", `W x + b: the scores are ${said}`);
    const terms = loss === "softmax" ? probabilities : margins;
    terms(this, scores, samples.parts[place], kind, loss === "squared_hinge" ? "²" : "", samples.losses[place]);
  }
}

/** The probabilities, and minus the logarithm of that of the sample's class. */
function probabilities(view, scores, parts, kind, _, loss) {
  view.lines.replaceChildren(...parts.map((p, j) =>
    line(`p${"₀₁₂"[j]}`, `exp ${inner(scores[j])} / ∑ exp sⱼ`, fixed(p, 4), j, j === kind)));
  view.total.textContent = `loss = −log p${"₀₁₂"[kind]} = −log ${small(parts[kind])} = ${fixed(loss, 4)}`;
}

/** A term for each other class: by how much it comes too near, or above. */
function margins(view, scores, parts, kind, power, loss) {
  const others = parts.map((_, j) => j).filter((j) => j !== kind);
  view.lines.replaceChildren(
    el("tr", {}, el("th", { scope: "row" }, "term"),
      el("td", {}, `max(0, sⱼ − s${"₀₁₂"[kind]} + 1)${power}`), el("td")),
    ...others.map((j) =>
      line(`j = ${j}`, `max(0, ${fixed(scores[j])} − ${inner(scores[kind])} + 1)${power}`, fixed(parts[j], 4), j)));
  view.total.textContent = `loss = ${others.map((j) => fixed(parts[j], 4)).join(" + ")} = ${fixed(loss, 4)}`;
}

const line = (name, formula, value, kind, own = false) => el("tr", { class: own ? "chosen" : null },
  el("th", { scope: "row", class: `class-${kind}` }, name), el("td", {}, formula), el("td", {}, `= ${value}`));

/** A probability; one that rounds to 0 as a power of ten. */
const small = (p) => (p < 5e-5 ? p.toExponential(1).replace("-", "−") : fixed(p, 4));

const alone = (value) => [value];

const part = (name, inside) => el("div", { class: "part" }, inside, el("span", { class: "note" }, name));

/** Numbers between brackets; a row that is marked stands out. */
function matrix(rows, marked = null) {
  return el("div", { class: `matrix columns-${rows[0].length}` }, ...rows.flatMap((row, i) =>
    row.map((value) => el("span", { class: i === marked ? `marked class-${i}` : null }, fixed(value)))));
}
