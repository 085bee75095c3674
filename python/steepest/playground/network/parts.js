// A menu of kinds (of optimizers, losses and so on), with the settings of the chosen one.

import { check, el, number, select } from "/controls.js";

/** kinds: [{name, settings: [{name, kind, value, words}]}]. value: {name, settings} or null, if `none` has a name. */
export function partMenu({ label, id, kinds, names = {}, value, none, change }) {
  const element = el("div", { class: "stack part" });
  let now = value;
  const menu = select({ label, id, value: now?.name ?? "",
    options: [...(none ? [["", none]] : []), ...kinds.map(({ name }) => [name, names[name] ?? name])],
    change: (name) => { now = name ? { name, settings: {} } : null; show(); change(now); } });
  const details = el("div", { class: "details" });
  element.append(menu.element, details);

  function show() {
    const kind = kinds.find(({ name }) => name === now?.name);
    details.replaceChildren(...(kind?.settings ?? []).map((setting) => entry(setting).element));
  }

  function entry({ name, kind, value: usual, words }) {
    const set = (to) => { now = { name: now.name, settings: { ...now.settings, [name]: to } }; change(now); };
    const options = { label: name.replaceAll("_", " "), id: `${id}-${name}`, value: now.settings[name] ?? usual, change: set };
    if (kind === "flag") return check(options);
    if (kind === "word") return select({ ...options, options: words });
    return number({ ...options, step: kind === "integer" ? 1 : "any" });
  }

  show();
  return { element };
}
