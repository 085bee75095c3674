// The plane with the output's picture behind the samples, on which points can be drawn.

import { drawClasses, drawSigned } from "/colors.js";
import { el } from "/controls.js";

const PIXELS = 640; // of the canvas with the samples

export class Plot {
  constructor(colors, label, side, press) {
    Object.assign(this, { colors, side });
    this.picture = el("canvas", { class: "picture", width: 96, height: 96, "aria-hidden": "true" });
    this.samples = el("canvas", { class: "samples", width: PIXELS, height: PIXELS, role: "img", "aria-label": label });
    this.element = el("div", { class: "plane" }, this.picture, this.samples);
    let down = false;
    const act = (event) => {
      const box = this.samples.getBoundingClientRect();
      press(((event.clientX - box.left) / box.width * 2 - 1) * side, (1 - (event.clientY - box.top) / box.height * 2) * side, event);
    };
    this.samples.addEventListener("pointerdown", (event) => { down = true; this.samples.setPointerCapture(event.pointerId); act(event); });
    this.samples.addEventListener("pointermove", (event) => { if (down) act(event); });
    this.samples.addEventListener("pointerup", () => { down = false; });
  }

  /** The samples: {points, targets, held_out} of the server's arrays, or null for none, and the number of classes. */
  drawSamples(arrays, classes, showTest) {
    const context = this.samples.getContext("2d");
    const scale = PIXELS / (2 * this.side);
    context.clearRect(0, 0, PIXELS, PIXELS);
    if (!arrays) return;
    const { data } = arrays.points;
    const shown = PIXELS / (this.samples.clientWidth || PIXELS); // canvas pixels of one on the screen
    const radius = shown * (data.length > 1500 || shown > 3 ? 2 : 3.3);
    context.lineWidth = shown * (shown > 3 ? 0.5 : 1.1);
    for (let i = 0; i < data.length / 2; i++) {
      const test = arrays.held_out.data[i];
      if (test && !showTest) continue;
      context.beginPath();
      context.arc((data[2 * i] + this.side) * scale, (this.side - data[2 * i + 1]) * scale, radius, 0, 7);
      const target = arrays.targets.data[i];
      context.fillStyle = classes ? this.colors.of(target) : this.colors.signed(target);
      context.fill();
      context.strokeStyle = test ? "#1d2329" : classes ? "#ffffff" : "#87919b"; // numbers near 0 are white themselves
      context.stroke();
    }
  }

  /** The output of a run, or with `unit` (layer, number) that of a hidden unit. */
  draw(arrays, prefix, classes, discrete, unit) {
    if (unit) {
      const { data, shape: [, height, width] } = arrays[`${prefix}units${unit[0]}`];
      drawSigned(this.picture, data.subarray(unit[1] * height * width, (unit[1] + 1) * height * width), this.colors, discrete);
    } else if (classes) {
      drawClasses(this.picture, arrays[`${prefix}class`].data, arrays[`${prefix}certainty`].data, classes, this.colors, discrete);
    } else drawSigned(this.picture, arrays[`${prefix}value`].data, this.colors, discrete);
  }
}
