// The polynomial tab: points that can be dragged, the curve fitted to them, and what it costs elsewhere.

import { accepted, different, latest } from "/asking.js";
import { Chart } from "/chart.js";
import { button, digits, el, slider } from "/controls.js";
import { emptiest } from "/space.js";

const STRENGTHS = [0, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const MOST_POINTS = 60;

export async function open(root, { ask, choices, palette, state, remember, say, fail }) {
  const start = { points: choices.points, degree: 3, strength: 0 };
  const now = await accepted(start, state, (given) => ask("fit", { ...given, x: choices.x }), fail);
  const chart = new Chart({ label: "Points and the polynomial fitted to them", x: choices.x, y: choices.y,
    width: 760, height: 500, xLabel: "x", yLabel: "y" });
  const degree = slider({ label: "Degree", id: "polynomial-degree", min: choices.degrees[0], max: choices.degrees[1], value: now.degree,
    change: (value) => set({ degree: value }) });
  const strength = slider({ label: "L2 penalty, strength", id: "polynomial-strength", steps: STRENGTHS, value: now.strength,
    show: (value) => (value === 0 ? "none" : String(value)), change: (value) => set({ strength: value }) });
  const training = el("div", { class: "figure", id: "polynomial-training-error" }, "–");
  const leftOut = el("div", { class: "figure", id: "polynomial-left-out-error" }, "–");
  const coefficients = el("table", { class: "numbers", id: "polynomial-coefficients" });
  const ambiguous = el("p", { class: "ambiguous warning", id: "polynomial-ambiguous", role: "status" });
  const residuals = el("table", { class: "numbers", id: "polynomial-residuals" });

  const answered = latest(async () => {
    const given = { ...now };
    try {
      show(await ask("fit", { ...given, x: choices.x }), given.points);
    } catch (error) {
      clear(); // numbers of other points would mislead
      throw error;
    }
  }, fail);

  /** Change something, and show what follows. */
  function set(changes) {
    say("");
    Object.assign(now, changes);
    return refresh();
  }

  function refresh() {
    remember(different(now, start));
    drawDots();
    return answered();
  }

  function drawDots() {
    const dots = now.points.map(([x, y], i) => ({ x, y, color: palette.classes[0],
      label: `point ${i + 1} at ${digits(x, 3)}, ${digits(y, 3)}; arrow keys move it, Delete removes it` }));
    chart.dots(dots, move, { remove });
  }

  function clear() {
    chart.draw([]);
    training.textContent = leftOut.textContent = "–";
    ambiguous.textContent = "";
    for (const table of [coefficients, residuals]) table.replaceChildren();
  }

  function show(answer, points) {
    const { x, y } = answer.arrays;
    const lines = points.map(([at, target], i) =>
      ({ xs: [at, at], ys: [target, target - answer.residuals[i]], color: "var(--warning)", name: "residual" }));
    chart.draw([...lines, { xs: x.data, ys: y.data, color: palette.classes[1], name: "fit" }]);
    training.textContent = settled(answer.training_error);
    leftOut.textContent = answer.left_out_error === null ? "too few points" : settled(answer.left_out_error);
    ambiguous.textContent = answer.ambiguous ?? "";
    coefficients.replaceChildren(el("caption", { class: "note" }, "Coefficients"), ...answer.coefficients.map((value, power) =>
      el("tr", {}, el("th", { scope: "row" }, power === 0 ? "1" : "x", power > 1 ? el("sup", {}, String(power)) : ""),
        el("td", {}, settled(value)))));
    residuals.replaceChildren(el("caption", { class: "note" }, "Residuals"), ...answer.residuals.map((value, place) =>
      el("tr", {}, el("th", { scope: "row" }, String(place + 1)), el("td", {}, settled(value, 3)))));
  }

  function move(place, x, y) {
    set({ points: now.points.map((point, i) => (i === place ? [rounded(x), rounded(y)] : point)) });
  }

  function remove(place) {
    if (now.points.length <= 2) { say("Two points are the fewest.", true); return; }
    set({ points: now.points.filter((_, i) => i !== place) });
  }

  function add(x, y) {
    if (now.points.length >= MOST_POINTS) { say(`${MOST_POINTS} points are the most.`, true); return; }
    set({ points: [...now.points, [rounded(x), rounded(y)]] });
  }

  /** A point by the button, which is where the arrow keys move it. */
  function addInSpace() {
    const before = now.points.length;
    add(...emptiest(now.points, choices.x, choices.y));
    if (now.points.length > before) chart.marks.children[before].focus();
  }

  chart.element.addEventListener("dblclick", (event) => {
    if (!event.target.classList.contains("dot")) add(...chart.inside(...chart.placeOf(event)));
  });
  root.append(el("div", { class: "polynomial" },
    el("div", { class: "card stack" }, chart.element,
      el("p", { class: "note" }, "Drag a point, or move it with the arrow keys. Double-click adds one, Delete removes it. ",
        "The thin lines are the residuals."), ambiguous),
    el("div", { class: "stack" },
      el("div", { class: "card stack" }, degree.element, strength.element,
        el("div", { class: "row" },
          button({ label: "Add a point", id: "polynomial-add", press: addInSpace }),
          button({ label: "The lecture's points", id: "polynomial-reset", press: () => {
            degree.value = start.degree; strength.value = start.strength; set(start); } }))),
      el("div", { class: "card errors" },
        el("div", {}, el("h3", {}, "Training error"), training),
        el("div", {}, el("h3", {}, "Leave-one-out error"), leftOut),
        el("p", { class: "note" }, "Mean squared errors: on the points, and on each point, from a fit to all the others.")),
      el("div", { class: "card tables" }, coefficients, residuals))));
  await refresh();
  return {};
}

/** A number; what the server found to be nothing but rounding is a plain 0. */
const settled = (value, most) => (value === 0 ? "0" : digits(value, most));

const rounded = (value) => Math.round(value * 100) / 100;
