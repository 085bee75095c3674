// What the network tab shows: controls, diagram, planes, figures and the curve of the loss.

import { Chart, DASHES } from "/chart.js";
import { button, check, digits, dragged, el, select, svg } from "/controls.js";
import { Diagram } from "./diagram.js";
import { Inspector } from "./inspector.js";
import { Plot } from "./plot.js";
import { LOSS_NAMES, PACES, dataControls, learningControls } from "./sidebar.js";

const MOST_DRAWN = 500; // points of a curve
const lossName = (name) => LOSS_NAMES[name] ?? name;

export class View {
  constructor(page) {
    this.page = page;
    this.later = () => setTimeout(() => this.controls()); // when the slider has said its last value
    this.looked = null; // the hidden unit that the plane shows instead of the output: [layer, unit]
    this.diagram = new Diagram(page.colors, page.edits, page.choices.inputs, this);
    this.inspector = new Inspector(page.choices, page.edits);
    this.dataCard = el("div", { class: "card stack data" });
    this.learningCard = el("div", { class: "card learning" });
    this.moreButton = button({ label: "More settings", id: "more", press: () => this.more(!page.look.more) });
    this.plots = el("div", { class: "plots" });
    this.figures = el("div", { class: "figures figure" });
    this.chart = new Chart({ label: "Loss of each epoch: training solid, test dashed", x: [0, 10], y: [0, 1],
      width: 400, height: 125, xLabel: "epoch" });
    this.lay();
    this.more(page.look.more);
    document.addEventListener("theme", () => { if (page.answer) { this.makeDiagram(); this.redraw(); } });
  }

  // ---- the page's parts -----------------------------------------------------------------------------------

  lay() {
    const { root, edits, look } = this.page;
    const set = (key) => (value) => this.page.setLook({ [key]: value });
    const head = el("div", { class: "row" }, el("h2", {}, "Network"),
      button({ label: "Remove a layer", id: "fewer-layers", press: () => edits.removeLayer() }),
      button({ label: "Add a layer", id: "more-layers", press: () => edits.addLayer() }));
    const options = el("div", { class: "row" },
      check({ label: "Show the test samples", id: "show-test", value: look.showTest, change: set("showTest") }).element,
      check({ label: "Classes or signs alone", id: "discrete", value: look.discrete, change: set("discrete") }).element);
    root.classList.add("network");
    root.append(this.bar(), this.learningCard, this.dataCard,
      el("div", { class: "stack middle" }, el("div", { class: "card stack" }, head, this.diagram.element), this.inspector.element),
      el("div", { class: "stack right" }, el("div", { class: "card stack losses" }, this.figures, this.chart.element),
        el("div", { class: "card stack" }, this.plots, options)));
    root.addEventListener("dragover", (event) => event.preventDefault());
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files[0]) edits.upload(event.dataTransfer.files[0]);
    });
  }

  bar() {
    const { page } = this;
    this.playButton = button({ label: "Play", id: "play", primary: true, press: () => (page.playing ? page.pause() : page.play()) });
    this.epoch = el("div", { class: "figure", id: "epoch" }, "0");
    this.speed = el("div", { class: "figure", id: "speed" }, "–");
    return el("div", { class: "card row bar" }, this.playButton,
      button({ label: "Step", id: "step", title: "one epoch", press: () => page.step() }),
      button({ label: "Back", id: "back", title: `to what was before the last step or frame, to the last bit; up to ${page.choices.most.back} times`, press: () => page.back() }),
      button({ label: "Reset", id: "reset", title: "to the initial weights", press: () => page.reset() }),
      select({ label: "Epochs per frame", id: "pace", options: PACES, value: page.look.pace, change: (value) => page.setLook({ pace: Number(value) }) }).element,
      el("div", { class: "counter" }, el("h3", {}, "Epoch"), this.epoch),
      el("div", { class: "counter" }, el("h3", {}, "Steps per second"), this.speed),
      el("span", { class: "push" }),
      button({ label: "Python program", id: "export", press: () => page.edits.saveProgram() }),
      button({ label: "Model file", id: "export-model", press: () => page.edits.saveModel() }));
  }

  /** The menus and sliders, for the present settings; what had the focus keeps it. */
  controls() {
    const focused = document.activeElement?.id;
    if (dragged(this.page.root)) { // its slider would be gone: when it is let go
      document.addEventListener("pointerup", this.later, { once: true });
      return;
    }
    const { choices, wanted, edits } = this.page;
    this.dataCard.replaceChildren(...dataControls(choices, wanted, edits));
    this.learningCard.replaceChildren(...learningControls(choices, wanted, edits), this.moreButton);
    this.markPen();
    if (focused) document.getElementById(focused)?.focus();
  }

  more(shown) {
    this.page.look.more = shown;
    this.learningCard.classList.toggle("expanded", shown);
    this.moreButton.textContent = shown ? "Fewer settings" : "More settings";
    this.moreButton.setAttribute("aria-expanded", shown);
  }

  markPen() {
    for (const pen of this.dataCard.querySelectorAll(".pens button")) {
      const label = Number(pen.id.slice("pen-".length));
      pen.setAttribute("aria-pressed", label === this.page.edits.pen);
      pen.style.borderBottom = `4px solid ${this.page.colors.of(label)}`;
    }
  }

  /** Everything that other settings change. */
  rebuild() {
    this.looked = null; // a unit that goes under the pointer does not say that it was left
    this.inspector.settle(this.page.wanted);
    this.controls();
    this.makePlots();
    this.makeDiagram();
  }

  /** What was refused is not what is shown. */
  refused() {
    this.controls();
    this.inspector.settle(this.page.settings, true);
    this.inspector.refresh(this.page.answer.arrays, `${this.page.look.shown}.`, true);
  }

  makeDiagram() {
    const { arrays, settings } = this.page.whole;
    this.diagram.build(settings, arrays.inputs, arrays[`0.bias${settings.layers.length}`].shape[0]);
  }

  resized() {
    this.makeDiagram();
    this.redraw();
  }

  makePlots() {
    const { page } = this, { runs, axes } = page.whole;
    const [across, up] = axes;
    const ends = ([, low, high]) => `${digits(low, 3)} to ${digits(high, 3)}`;
    this.outputs = runs.map((run) => new Plot(page.colors, `The plane, ${across[0]} across and ${up[0]} up, with the output of ${lossName(run.loss)}`,
      page.choices.side, (x, y, event) => page.edits.press(x, y, event)));
    const chooser = (run, place) => button({ label: lossName(run.loss), id: `shown-${place}`, title: "show this one's units and weights",
      press: () => page.setLook({ shown: place }) });
    this.plots.className = `plots of-${runs.length}`;
    this.plots.replaceChildren(
      ...this.outputs.map((plot, place) => el("div", { class: "stack" }, runs.length > 1 ? chooser(runs[place], place) : "", plot.element)),
      el("p", { class: "note" }, `${across[0]} across (${ends(across)}), ${up[0]} up (${ends(up)})`), this.legend());
  }

  /** The names of the classes with their colors, or what the colors of numbers are. */
  legend() {
    const { whole: { classes }, colors } = this.page;
    const entries = classes.length ? classes.map((name, label) => [colors.of(label), name])
      : [[colors.negative, "−1 or less"], [colors.positive, "1 or more"]];
    return el("p", { class: "note legend" }, ...entries.map(([color, name]) => {
      const dot = el("i", { "aria-hidden": "true" });
      dot.style.background = color;
      return el("span", {}, dot, name);
    }), el("span", {}, el("i", { class: "test", "aria-hidden": "true" }), "test samples"));
  }

  // ---- one state of learning ------------------------------------------------------------------------------

  redraw() {
    const { answer, whole, look, classes, settings, cleared } = this.page;
    this.diagram.draw(answer.arrays, `${look.shown}.`, look.discrete);
    this.inspector.refresh(answer.arrays, `${look.shown}.`);
    this.plots.querySelectorAll("button").forEach((choice, place) => choice.setAttribute("aria-pressed", place === look.shown));
    const test = look.showTest || settings.data.name === "drawn"; // a point that was just drawn must not vanish
    const drawn = `${test} ${cleared} ${document.documentElement.dataset.theme}`;
    for (const plot of this.outputs) {
      if (plot.drawn !== drawn) plot.drawSamples(cleared ? null : whole.arrays, classes, test);
      plot.drawn = drawn;
    }
    this.drawPlots();
    this.drawCurve();
    this.epoch.textContent = answer.epochs.toLocaleString("en");
    this.epoch.dataset.steps = answer.steps;
    this.speed.textContent = answer.speed ? Math.round(answer.speed).toLocaleString("en") : "–";
    this.figures.className = `figures figure of-${answer.runs.length}`;
    this.figures.replaceChildren(...answer.runs.map((run, place) => this.row(run, place, answer.runs.length > 1)));
  }

  /** The losses of a run, with the looks of their curves. */
  row(run, place, titled) {
    const score = this.page.classes ? "accuracy" : "R²";
    const key = (part) => {
      const line = svg("line", { x1: 0, y1: 4, x2: 26, y2: 4, class: "curve", "stroke-dasharray": part === "test" ? DASHES : null });
      line.style.stroke = this.color(place);
      return svg("svg", { class: "key", width: 26, height: 8, "aria-hidden": "true" }, line);
    };
    const line = (part, name) => [el("span", { class: "name" }, key(part), name), el("b", { class: `${part}-loss` }, digits(run[part].loss)),
      el("span", { class: "score" }, `${score} ${digits(run[part].score, 3)}`)];
    return el("div", { class: "figures-row" }, titled ? el("span", { class: "title" }, lossName(run.loss)) : "",
      ...line("train", "training"), ...line("test", "test"));
  }

  drawPlots() {
    const { answer, look, classes } = this.page;
    this.outputs.forEach((plot, place) => plot.draw(answer.arrays, `${place}.`, classes, look.discrete,
      place === look.shown ? this.looked : null));
  }

  /** Show a hidden unit in the place of the output; null for the output. */
  lookAt(unit) {
    this.looked = unit;
    this.drawPlots();
  }

  /** The weights into a unit, with the focus on one of them, if `row` is a number. */
  pick(layer, unit, row) {
    const { settings, answer, look } = this.page;
    const names = layer ? Array.from({ length: settings.layers[layer - 1].units }, (_, i) => `unit ${i + 1}`) : settings.inputs;
    const title = layer === settings.layers.length ? `output ${unit + 1}` : `unit ${unit + 1} of layer ${layer + 1}`;
    this.inspector.unit(layer, unit, row, answer.arrays, `${look.shown}.`, names, title);
  }

  drawCurve() {
    const { answer: { epochs, runs }, curve } = this.page;
    while (curve.length && curve.at(-1).epochs >= epochs) curve.pop();
    curve.push({ epochs, losses: runs.map((run) => [run.train.loss, run.test.loss]) });
    if (curve.length > MOST_DRAWN) {
      for (let place = curve.length - 2; place > 0; place -= 2) curve.splice(place, 1);
    }
    const xs = curve.map((point) => point.epochs);
    const all = curve.flatMap((point) => point.losses.flat()).filter(Number.isFinite);
    this.chart.scale([xs[0], Math.max(xs.at(-1), xs[0] + 10)], [0, nice(Math.max(...all, 1e-6))]);
    this.chart.draw(runs.flatMap((_, place) => ["training", "test"].map((name, part) => ({ xs, name, dashed: part === 1,
      ys: curve.map((point) => point.losses[place][part] ?? NaN), color: this.color(place) }))));
  }

  /** Of the curves of a run: the ink, or amber for the second one. */
  color(place) { return place ? this.page.colors.of(5) : "var(--ink)"; }
}

/** The least round number that is not below a value. */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 5, 7.5, 10].map((factor) => factor * power).find((limit) => limit >= value * 0.999);
}
