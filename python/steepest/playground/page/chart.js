// A chart of curves and dots in SVG, whose dots can be dragged, or moved by the arrow keys.

import { svg } from "./controls.js";

const LEFT = 46, RIGHT = 12, TOP = 12, BOTTOM = 34;

export const DASHES = "5 4"; // of a dashed curve

/** One, with the ranges x and y, each [least, most]. */
export class Chart {
  constructor({ label, width = 640, height = 420, x, y, xLabel = "", yLabel = "" }) {
    Object.assign(this, { width, height, x, y, xLabel, yLabel });
    this.axes = svg("g", { "aria-hidden": "true" });
    this.curves = svg("g");
    this.marks = svg("g");
    this.element = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label },
      this.axes, this.curves, this.marks);
    this.drawAxes();
  }

  /** Where numbers stand, in the chart's own units, and back. */
  toX(value) { return LEFT + (value - this.x[0]) / (this.x[1] - this.x[0]) * (this.width - LEFT - RIGHT); }
  toY(value) { return this.height - BOTTOM - (value - this.y[0]) / (this.y[1] - this.y[0]) * (this.height - TOP - BOTTOM); }
  fromX(at) { return this.x[0] + (at - LEFT) / (this.width - LEFT - RIGHT) * (this.x[1] - this.x[0]); }
  fromY(at) { return this.y[0] + (this.height - BOTTOM - at) / (this.height - TOP - BOTTOM) * (this.y[1] - this.y[0]); }

  /** Other ranges. */
  scale(x, y) {
    if (String([x, y]) === String([this.x, this.y])) return;
    [this.x, this.y] = [x, y];
    this.drawAxes();
  }

  drawAxes() {
    const parts = [];
    const bottom = this.height - BOTTOM;
    for (const tick of ticks(...this.x)) {
      const at = this.toX(tick);
      parts.push(svg("path", { class: "axis", d: `M${at} ${TOP}V${bottom}` }),
        svg("text", { x: at, y: bottom + 16, "text-anchor": "middle" }, short(tick)));
    }
    for (const tick of ticks(...this.y)) {
      const at = this.toY(tick);
      parts.push(svg("path", { class: "axis", d: `M${LEFT} ${at}H${this.width - RIGHT}` }),
        svg("text", { x: LEFT - 6, y: at + 4, "text-anchor": "end" }, short(tick)));
    }
    parts.push(svg("text", { x: this.width - RIGHT, y: this.height - 4, "text-anchor": "end" }, this.xLabel),
      svg("text", { x: 4, y: 10 }, this.yLabel));
    this.axes.replaceChildren(...parts);
  }

  /** Draw curves in place of those before: {xs, ys, color, dashed}; what leaves the frame is cut off. */
  draw(curves) {
    this.curves.replaceChildren(...curves.map(({ xs, ys, color, dashed, name }) => {
      const path = svg("path", { class: "curve", d: this.path(xs, ys), "data-name": name,
        "stroke-dasharray": dashed ? DASHES : null });
      if (color) path.style.stroke = color;
      return path;
    }));
  }

  path(xs, ys) {
    const low = TOP - 2, high = this.height - BOTTOM + 2, inside = ([, y]) => y >= low && y <= high;
    const shown = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
    let d = "", before = null;
    for (let i = 0; i < xs.length; i++) {
      const point = [this.toX(xs[i]), this.toY(ys[i])];
      if (!Number.isFinite(point[1])) { before = null; continue; }
      const edge = before && inside(before) !== inside(point) ? crossing(before, point, low, high) : null;
      if (inside(point)) d += before && inside(before) ? `L${shown(point)}` : edge ? `M${shown(edge)}L${shown(point)}` : `M${shown(point)}`;
      else if (edge) d += `L${shown(edge)}`;
      before = point;
    }
    return d;
  }

  /** Draw dots: {x, y, color, label}; with `move(number, x, y)` they can be dragged, or moved by arrow keys. */
  dots(dots, move, { radius = 7, remove } = {}) {
    const kept = [...this.marks.children];
    while (kept.length > dots.length) {
      const gone = kept.pop(), focused = document.activeElement === gone;
      gone.remove();
      if (focused) kept.at(-1)?.focus();
    }
    dots.forEach((dot, place) => {
      const circle = kept[place] ?? this.newDot(place, move, remove);
      apply(circle, { cx: this.toX(dot.x), cy: this.toY(dot.y), r: radius, "aria-label": dot.label });
      circle.style.fill = dot.color;
      circle.at = [dot.x, dot.y];
    });
  }

  newDot(place, move, remove) {
    const circle = svg("circle", { class: "dot", tabindex: move ? 0 : null, role: move ? "button" : "img" });
    this.marks.append(circle);
    if (!move) return circle;
    circle.addEventListener("pointerdown", (event) => { circle.setPointerCapture(event.pointerId); circle.focus(); event.preventDefault(); });
    circle.addEventListener("pointermove", (event) => {
      if (circle.hasPointerCapture(event.pointerId)) move(place, ...this.inside(...this.placeOf(event)));
    });
    circle.addEventListener("keydown", (event) => {
      if (remove && (event.key === "Delete" || event.key === "Backspace")) { event.preventDefault(); return remove(place); }
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const share = event.shiftKey ? 0.002 : 0.02;
      move(place, ...this.inside(circle.at[0] + step[0] * share * (this.x[1] - this.x[0]),
        circle.at[1] + step[1] * share * (this.y[1] - this.y[0])));
    });
    return circle;
  }

  /** The numbers under the pointer. */
  placeOf(event) {
    const box = this.element.getBoundingClientRect();
    return [this.fromX((event.clientX - box.left) / box.width * this.width),
      this.fromY((event.clientY - box.top) / box.height * this.height)];
  }

  inside(x, y) {
    const within = (value, [least, most]) => Math.min(most, Math.max(least, value));
    return [within(x, this.x), within(y, this.y)];
  }
}

function apply(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

/** Where the line between two points, of which one is inside, crosses the upper or lower edge. */
function crossing([x0, y0], [x1, y1], low, high) {
  const edge = Math.min(y0, y1) < low ? low : high;
  return [x0 + (x1 - x0) * (edge - y0) / (y1 - y0), edge];
}

/** Some four to eight round numbers of a range. */
export function ticks(least, most) {
  const rough = (most - least) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let i = Math.ceil(least / step - 1e-9); i * step <= most + 1e-9 * step; i++) found.push(i * step);
  return found;
}

/** A tick's number, short enough to stand beside the axis. */
function short(value) {
  const size = Math.abs(value);
  const text = size >= 1e5 || (size && size < 1e-3) ? value.toExponential().replace(/(\.\d)\d*/, "$1").replace("e+", "e")
    : String(Number(value.toPrecision(4)));
  return text.replace("-", "−");
}
