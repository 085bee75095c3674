// The tables: samples, W and b with their gradients, and the losses.

import { el } from "/controls.js";
import { fixed } from "./format.js";

export const NAMES = { hinge: "hinge", squared_hinge: "squared hinge", softmax: "softmax" };

/** The header of a table. */
const header = (...names) =>
  el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col" }, ...[name].flat()))));

/** What only screen readers tell. */
const hidden = (text) => el("span", { class: "visually-hidden" }, text);

/** Samples: choosing a row shows it in the algebraic view. */
export class Samples {
  constructor({ colors, choose, hover }) {
    Object.assign(this, { colors, choose, hover, rows: [] });
    this.body = el("tbody", { onmouseleave: () => hover(null), onfocusout: () => hover(null) });
    this.count = el("span", { class: "note" });
    this.element = el("div", { class: "stack" }, el("h2", {}, "Samples ", this.count),
      el("div", { class: "scrolls" }, el("table", { class: "numbers samples" },
        header(hidden("sample"), "x₁", "x₂", "class", "s₀", "s₁", "s₂", "loss"), this.body)));
  }

  row(place) {
    const label = `Show sample ${place + 1} in the algebraic view`;
    const pick = el("button", { type: "button", "aria-label": label }, String(place + 1));
    const cells = Array.from({ length: 7 }, () => el("td"));
    const element = el("tr", { onclick: () => this.choose(place), onmouseenter: () => this.hover(place),
      onfocusin: () => this.hover(place) }, el("th", { scope: "row" }, pick), ...cells);
    return { element, pick, cells };
  }

  /** All rows, which are kept, so that the focus stays. */
  draw({ scores, losses, predicted, correct }, points, chosen) {
    while (this.rows.length < points.length) this.rows.push(this.row(this.rows.length));
    this.rows.length = points.length;
    if (this.body.children.length !== points.length) this.body.replaceChildren(...this.rows.map((row) => row.element));
    this.rows.forEach(({ element, pick, cells }, i) => {
      const [x, y, kind] = points[i];
      [fixed(x), fixed(y), String(kind), ...scores[i].map((s) => fixed(s)), fixed(losses[i])]
        .forEach((text, column) => { cells[column].textContent = text; });
      cells[2].className = `class-${kind}`;
      [0, 1, 2].forEach((k) => { cells[3 + k].className = k !== predicted[i] ? "" : k === kind ? "right" : "wrong"; });
      element.className = i === chosen ? "chosen" : "";
      pick.setAttribute("aria-pressed", i === chosen);
    });
    this.count.textContent = `${correct} of ${points.length} correct. Bold: highest score; orange: a wrong class`;
  }
}

/** W and b to be typed, each beside its gradient in parts. */
export class Parameters {
  constructor({ colors, largest, change, say, now }) {
    Object.assign(this, { largest, change, say, now, rows: [] });
    const bodies = [0, 1, 2].map((kind) => el("tbody", {}, ...[0, 1, null].map((column) => this.row(kind, column))));
    this.element = el("table", { class: "numbers parameters" },
      header(hidden("class"), hidden("parameter"), "value", "data loss", "+ penalty", "= gradient"),
      ...bodies);
  }

  /** The row of an entry of W, or of b where the column is null. */
  row(kind, column) {
    const first = column === 0, name = column === null ? "b" : `w${"₁₂"[column]}`;
    const label = `${name} of class ${kind}`;
    const input = el("input", { type: "number", step: 0.1, id: `linear-${name}-${kind}`, "aria-label": label,
      oninput: () => { input.typing = true; }, onblur: () => { input.typing = false; },
      onchange: () => this.typed(input, kind, column) });
    const parts = { data: el("td"), penalty: el("td"), total: el("td", { class: "sum" }) };
    this.rows.push({ kind, column, input, parts });
    const group = first ? el("th", { scope: "rowgroup", rowspan: 3, class: `class-${kind}` }, `class ${kind}`) : "";
    return el("tr", {}, group, el("th", { scope: "row" }, name), el("td", {}, input), ...Object.values(parts));
  }

  /** A number that was typed, or stepped to. */
  typed(input, kind, column) {
    input.typing = false;
    const value = Number(input.value);
    if (input.value === "" || !(Math.abs(value) <= this.largest)) {
      this.say(`W and b take numbers from ${fixed(-this.largest)} to ${fixed(this.largest)}.`, true);
      this.draw(this.now.W, this.now.b, this.gradients);
      return;
    }
    const { W, b } = this.now;
    if (column === null) this.change(W, b.map((old, k) => (k === kind ? value : old)));
    else this.change(W.map((row, k) => row.map((old, i) => (k === kind && i === column ? value : old))), b);
  }

  /** All numbers; what is being typed stays. */
  draw(W, b, gradients) {
    this.gradients = gradients;
    for (const { kind, column, input, parts } of this.rows) {
      const of = (matrix, vector) => (column === null ? vector[kind] : matrix[kind][column]);
      if (!input.typing) input.value = typed(of(W, b));
      for (const [part, cell] of Object.entries(parts)) {
        cell.textContent = fixed(of(gradients.W[part], gradients.b[part]), 3);
      }
    }
  }
}

/** A number as an input takes it, in four digits and four decimals at most. */
function typed(value) {
  const short = Number(Number(value.toPrecision(4)).toFixed(4)), size = Math.abs(short);
  return size >= 1e5 || (value && size < 1e-3) ? value.toExponential(1).replace("+", "") : String(short);
}

/** The three losses at the present W and b; the radio button chooses which one is minimized. */
export class Losses {
  constructor({ change }) {
    this.rows = Object.entries(NAMES).map(([loss, name]) => {
      const input = el("input", { type: "radio", name: "linear-loss", value: loss, id: `linear-loss-${loss}`,
        onchange: () => change(loss) });
      const cells = { data: el("td"), penalty: el("td"), total: el("td", { class: "sum" }) };
      const element = el("tr", {}, el("th", { scope: "row" }, el("label", {}, input, name)), ...Object.values(cells));
      return { loss, input, cells, element };
    });
    this.element = el("div", { class: "stack" }, el("h2", {}, "The loss that is minimized"),
      el("table", { class: "numbers losses" }, header(hidden("loss"), "mean data loss", "+ penalty", "= total"),
        el("tbody", {}, ...this.rows.map(({ element }) => element))));
  }

  draw(losses, chosen) {
    for (const { loss, input, cells, element } of this.rows) {
      input.checked = loss === chosen;
      element.className = loss === chosen ? "chosen" : "";
      for (const [part, cell] of Object.entries(cells)) cell.textContent = fixed(losses[loss][part], 4);
    }
  }
}
