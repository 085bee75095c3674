// The page: its tabs, its address (which has all that is set), light and dark.

import { Connection, Refusal } from "./connection.js";
import { el } from "./controls.js";

const TABS = { network: "Network", linear: "Linear classifier", optimization: "Optimization", polynomial: "Polynomial" };
const message = document.getElementById("message");
const panels = document.getElementById("panels");
const opened = {};
let current = null;

/** Say something above the tabs; a warning stays until the next. */
function say(text, warning = false) {
  message.textContent = text;
  message.title = text;
  message.className = warning ? "warning" : "";
}

function fail(error) {
  if (!(error instanceof Refusal) && !(error instanceof Error)) throw error;
  say(error.message, true);
}

/** What the address holds: the tab, and its settings. */
function address() {
  const [, tab, text] = /^#(\w+)(?:=(.*))?$/.exec(location.hash) ?? [];
  let state = null;
  try {
    state = text ? JSON.parse(decodeURIComponent(text)) : null;
  } catch {
    say("The settings in the address are damaged; these are the usual ones.", true);
  }
  return { tab: Object.hasOwn(TABS, tab ?? "") ? tab : "network", state };
}

function remember(tab, state) {
  if (tab !== current) return;
  const text = Object.keys(state).length ? `=${encodeURIComponent(JSON.stringify(state))}` : "";
  history.replaceState(null, "", `#${tab}${text}`);
}

async function show(name, state) {
  if (current && current !== name) {
    opened[current]?.page?.suspend?.();
    say(""); // which was about that tab
  }
  current = name;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.dataset.tab === name;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    document.getElementById(`panel-${tab.dataset.tab}`).hidden = !chosen;
  }
  document.title = `${TABS[name]} – steepest playground`;
  if (!opened[name]) {
    await open(name, state ?? {});
  } else {
    opened[name].page?.resume?.(); // unless it is still opening
  }
  remember(name, opened[name]?.state ?? {});
}

async function open(name, state) {
  const root = document.getElementById(`panel-${name}`);
  const tab = opened[name] = { state, page: null };
  const context = {
    ask: (action, given) => connection.ask(name, action, given),
    choices: hello.choices[name],
    palette: hello.palette,
    longest: hello.longest,
    state,
    remember: (now) => { tab.state = now; remember(name, now); },
    say: (text, warning) => { if (name === current) say(text, warning); },
    fail,
  };
  try {
    const page = await import(`/${name}/page.js`);
    tab.page = await page.open(root, context);
    root.dataset.ready = "true";
  } catch (error) {
    delete opened[name]; // to be tried again
    root.replaceChildren();
    throw error;
  }
}

function makeTabs() {
  const bar = document.getElementById("tabs");
  const names = Object.keys(TABS);
  for (const name of names) {
    const tab = el("button", { role: "tab", type: "button", id: `tab-${name}`, "data-tab": name,
      "aria-controls": `panel-${name}`, onclick: () => show(name).catch(fail) }, TABS[name]);
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const next = names[(names.indexOf(name) + step + names.length) % names.length];
      document.getElementById(`tab-${next}`).focus();
      show(next).catch(fail);
    });
    bar.append(tab);
    panels.append(el("section", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, hidden: true }));
  }
}

function makeTheme() {
  const button = document.getElementById("theme");
  const set = (theme) => {
    document.documentElement.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    document.dispatchEvent(new CustomEvent("theme"));
  };
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  set(localStorage.getItem("steepest-theme") ?? system);
  button.addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("steepest-theme", next);
    set(next);
  });
}

/** The token comes in the first address, stays with this browser, and does not stay in the address bar. */
function token() {
  const given = new URLSearchParams(location.search).get("token");
  if (given) {
    localStorage.setItem("steepest-token", given);
    history.replaceState(null, "", location.pathname + location.hash);
  }
  return given ?? localStorage.getItem("steepest-token") ?? "";
}

makeTabs();
makeTheme();
document.getElementById("link").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(location.href);
    const missing = opened[current]?.page.missing?.();
    say(missing ? `Link copied, with all settings but ${missing}.` : "Link copied, with all settings.");
  } catch {
    say(`Copy this address: ${location.href}`);
  }
});
window.addEventListener("hashchange", () => location.reload());
const connection = new Connection(token(), fail);
let hello;
try {
  hello = await connection.ask("page", "hello");
  connection.longest = hello.longest;
  const { tab, state } = address();
  await show(tab, state);
} catch (error) {
  fail(error);
}
