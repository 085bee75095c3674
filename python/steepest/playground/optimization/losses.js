// The losses by steps, on a logarithmic scale: the server sends the logarithms.

import { Chart, ticks } from "/chart.js";
import { svg } from "/controls.js";
import { colorOf, dashesOf } from "./methods.js";

const SIGNS = "-0123456789", RAISED = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A chart whose y axis has powers of 10. */
class PowerChart extends Chart {
  drawAxes() {
    super.drawAxes();
    const heights = ticks(...this.y);
    const texts = [...this.axes.querySelectorAll("text[text-anchor=end]")].slice(0, heights.length);
    texts.forEach((text, place) => { text.textContent = power(heights[place]); });
  }
}

/** A curve for each method, and a line at the step that is shown. */
export class LossChart {
  constructor(colors) {
    this.colors = colors;
    this.chart = new PowerChart({ label: "Loss of each method by steps", x: [0, 100], y: [-1, 1], width: 480,
      height: 210, xLabel: "step" });
    this.cursor = svg("path", { class: "cursor" });
    this.chart.marks.append(this.cursor);
    this.element = this.chart.element;
  }

  /** The losses of these paths, between two powers of 10. */
  draw(traces, steps, heights) {
    this.chart.scale([0, steps], heights);
    this.chart.draw(traces.map(({ name, heights: ys }) =>
      ({ xs: ys.map((_, step) => step), ys, name, color: colorOf(name, this.colors), dashed: dashesOf(name) })));
  }

  /** A line at this step. */
  step(at) {
    const { chart } = this;
    this.cursor.setAttribute("d", `M${chart.toX(at)} ${chart.toY(chart.y[0])}V${chart.toY(chart.y[1])}`);
  }
}

/** 10 with a raised number; nothing between whole numbers. */
const power = (height) =>
  (Number.isInteger(height) ? `10${[...String(height)].map((sign) => RAISED[SIGNS.indexOf(sign)]).join("")}` : "");
