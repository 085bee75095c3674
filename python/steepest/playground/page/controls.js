// Elements with labels, as every tab uses them. Each control is {element, value}, whose value can be set.

/** An element with attributes (on... are listeners, null and false are left out but for aria-...) and children. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  apply(element, attributes);
  element.append(...children);
  return element;
}

/** The same of SVG. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  apply(element, attributes);
  element.append(...children);
  return element;
}

function apply(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("aria-") && typeof value === "boolean") element.setAttribute(name, String(value));
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
}

const labelled = (label, input, output) =>
  el("label", { class: "field" }, el("span", { class: "name" }, el("span", {}, label), output ?? ""), input);

/** A menu. options: values, or [value, text] pairs. */
export function select({ label, options, value, id, change }) {
  const entry = (option) => {
    const [key, text] = Array.isArray(option) ? option : [option, option];
    return el("option", { value: key }, text);
  };
  const input = el("select", { id, onchange: () => change(input.value) }, ...options.map(entry));
  input.value = value;
  return control(labelled(label, input), () => input.value, (to) => (input.value = to), input);
}

/** A slider over numbers, or over the entries of `steps`. */
export function slider({ label, min, max, step = 1, steps, value, id, show = String, change }) {
  const range = steps ? [0, steps.length - 1, 1] : [min, max, step];
  const output = el("span", { class: "figure value" });
  const read = () => (steps ? steps[Number(input.value)] : Number(input.value));
  const shown = () => {
    output.textContent = show(read());
    input.setAttribute("aria-valuetext", show(read()));
  };
  const input = el("input", { type: "range", id, min: range[0], max: range[1], step: range[2] });
  input.addEventListener("input", () => { shown(); change(read()); });
  const write = (to) => { input.value = steps ? nearest(steps, to) : to; shown(); };
  write(value);
  return control(labelled(label, input, output), read, write, input);
}

const nearest = (steps, value) =>
  steps.reduce((best, step, place) => (Math.abs(step - value) < Math.abs(steps[best] - value) ? place : best), 0);

/** A number to be typed; it is passed on when it is one of the range. */
export function number({ label, min, max, step = "any", value, id, change }) {
  const input = el("input", { type: "number", id, min, max, step, value });
  let taken = input.value;
  input.addEventListener("change", () => {
    if (input.value !== "" && input.validity.valid) {
      taken = input.value;
      change(Number(taken));
    } else {
      input.reportValidity(); // which says why
      input.value = taken;
    }
  });
  return control(labelled(label, input), () => Number(input.value), (to) => (input.value = to), input);
}

/** Whether a slider is being dragged, which ends if its element is replaced. */
export const dragged = (element) => element.querySelector("input[type=range]:active") !== null;

/** A box to be checked. */
export function check({ label, value, id, change }) {
  const input = el("input", { type: "checkbox", id, onchange: () => change(input.checked) });
  input.checked = value;
  const element = el("label", { class: "check" }, input, el("span", {}, label));
  return control(element, () => input.checked, (to) => (input.checked = to), input);
}

/** A button. */
export function button({ label, id, primary = false, title, press }) {
  return el("button", { type: "button", id, title, class: primary ? "primary" : null, onclick: press }, label);
}

function control(element, read, write, input) {
  return {
    element,
    input,
    get value() { return read(); },
    set value(to) { write(to); },
  };
}

/** A number in at most so many significant digits, with a minus sign of the same width as a plus. */
export function digits(value, most = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(most - 2) : value.toPrecision(most);
  return text.replaceAll("-", "−").replace("e+", "e");
}
