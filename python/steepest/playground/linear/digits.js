// The visual view: the weights of a linear classifier of digits, as pictures, while it is trained.

import { button, el } from "/controls.js";
import { fixed } from "./format.js";
import { channels } from "./plane.js";
import { NAMES } from "./tables.js";

const EPOCHS = 60, FRAMES = 4; // epochs of a training, and frames for each

/** The card, and `stop` for when it is out of sight. */
export function digitsCard({ ask, palette, fail, settings }) {
  const shades = palette.diverging.map(channels);
  const pictures = Array.from({ length: 10 }, (_, digit) =>
    el("canvas", { width: 8, height: 8, role: "img", "aria-label": `template of the digit ${digit}` }));
  const said = el("p", { class: "note figure said" }, "Not trained yet: all weights are 0. ",
    "It takes the loss and the L2 strength that are chosen.");
  const train = button({ label: "Train on the digits", id: "linear-train-digits", press: () => (running ? stop() : go()) });
  let running = false;

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
    const weights = arrays.templates.data;
    pictures.forEach((canvas, digit) => paint(canvas, weights.subarray(64 * digit, 64 * (digit + 1)), shades));
    said.textContent = `After ${epochs} epochs with the ${NAMES[loss]} loss and L2 strength ${strength}, it ` +
      `recognizes ${percent(train_accuracy)} of the training digits and ` +
      `${percent(test_accuracy)} of the test digits.`;
  }

  pictures.forEach((canvas) => paint(canvas, new Float32Array(64), shades));
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

/** Weights from -1 to 1 in the colors from negative by way of zero to positive. */
function paint(canvas, weights, [negative, zero, positive]) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(8, 8);
  weights.forEach((weight, i) => {
    const end = weight < 0 ? negative : positive, share = Math.abs(weight);
    picture.data.set(zero.map((from, channel) => from + share * (end[channel] - from)), 4 * i);
  });
  context.putImageData(picture, 0, 0);
}
