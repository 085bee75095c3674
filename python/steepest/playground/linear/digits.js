// The visual view: the weights of a linear classifier of digits, as pictures, while it is trained.

import { Colors, drawSigned } from "/colors.js";
import { button, el } from "/controls.js";
import { fixed } from "./format.js";
import { NAMES } from "./tables.js";

const EPOCHS = 60, FRAMES = 4; // epochs of a training, and frames for each

/** The card, and `stop` for when it is out of sight. */
export function digitsCard({ ask, palette, fail, settings }) {
  const colors = new Colors(palette); // which fade into the page's background, in each theme
  const pictures = Array.from({ length: 10 }, (_, digit) =>
    el("canvas", { width: 8, height: 8, role: "img", "aria-label": `template of the digit ${digit}` }));
  const said = el("p", { class: "note figure said" }, "Not trained yet: all weights are 0. ",
    "It takes the loss and the L2 strength that are chosen.");
  const train = button({ label: "Train on the digits", id: "linear-train-digits", press: () => (running ? stop() : go()) });
  let running = false, weights = new Float32Array(640); // of 10 templates, none yet

  async function go() {
    const { loss, strength } = settings();
    running = true;
    train.textContent = "Stop";
    try {
      for (let done = 0; running && done <= EPOCHS; done++) {
        show(await ask("digits", { loss, strength, epochs: done ? 1 : 0, restart: done === 0 }), loss, strength);
        for (let i = 0; i < FRAMES; i++) await new Promise(requestAnimationFrame);
      }
    } catch (error) {
      fail(error);
    }
    stop();
  }

  function stop() {
    running = false;
    train.textContent = "Train on the digits";
  }

  function show({ epochs, train_accuracy, test_accuracy, arrays }, loss, strength) {
    weights = arrays.templates.data;
    draw();
    said.textContent = `After ${epochs} epochs with the ${NAMES[loss]} loss and L2 strength ${strength}, it ` +
      `recognizes ${percent(train_accuracy)} of the training digits and ` +
      `${percent(test_accuracy)} of the test digits.`;
  }

  function draw() {
    const values = Int8Array.from(weights, (weight) => Math.round(127 * weight)); // which are from -1 to 1
    pictures.forEach((canvas, digit) => drawSigned(canvas, values.subarray(64 * digit, 64 * (digit + 1)), colors));
  }

  draw();
  document.addEventListener("theme", draw); // after the colors, which listened first
  const scale = el("div", { class: "row note" }, el("span", { class: "swatch less" }), "negative",
    el("span", { class: "swatch more" }), "positive weights");
  scale.querySelector(".less").style.background = palette.diverging[0];
  scale.querySelector(".more").style.background = palette.diverging[2];
  const element = el("div", { class: "card stack" }, el("h2", {}, "Visual view: each row of W is a template"),
    el("div", { class: "row" }, train, scale),
    el("div", { class: "templates" }, ...pictures.map((canvas, digit) =>
      el("figure", {}, canvas, el("figcaption", {}, String(digit))))),
    said);
  return { element, stop };
}

const percent = (share) => `${fixed(100 * share, 1)} %`;
