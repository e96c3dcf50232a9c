// The desk: keys, the chosen ones, the map beside the list, and a list that stays true by itself.

import { newId } from "./api.js";
import { Marks } from "./marks.js";
import { byId } from "./task.js";

const EVERY = 20_000; // milliseconds between two looks, while somebody can see the page
const words = JSON.parse(byId("words").textContent);
const form = byId("desk-form");
const live = byId("live");
let current = null; // id of the issue that keys act on
let etag = null;
let busy = false;

const rows = () => [...live.querySelectorAll(".desk-row")];
const row = (id) => rows().find((each) => each.dataset.id === id);
const picks = () => [...live.querySelectorAll("input[name=pick]:not(:disabled)")];
const chosen = () => picks().filter((each) => each.checked);
const marks = new Marks(byId("desk-map"), words, (id) => mark(id, true));

/** Make an issue the one that keys act on. */
function mark(id, focus) {
  current = row(id) ? id : null;
  rows().forEach((each) => each.classList.toggle("is-current", each.dataset.id === current));
  marks.point(current);
  if (!focus || !current) return;
  row(current).querySelector(".desk-link").focus({ preventScroll: true });
  row(current).scrollIntoView({ block: "nearest" });
}

function count() {
  const { length } = chosen();
  const place = byId("desk-chosen");
  if (place) place.textContent = length ? words.chosen.replace("{n}", length) : words.none;
  form.classList.toggle("desk-form-chosen", length > 0);
  const all = byId("desk-all");
  if (all) all.checked = length > 0 && length === picks().length;
}

/** Show the list anew; what was chosen and where one was stay. */
function show(html) {
  const kept = new Set(chosen().map((each) => each.value));
  const focused = live.contains(document.activeElement);
  const place = rows().findIndex((each) => each.dataset.id === current);
  live.innerHTML = html; // the server's own page, made of the same templates
  picks().forEach((each) => { each.checked = kept.has(each.value); });
  ready();
  const next = row(current) ?? rows()[Math.min(Math.max(place, 0), rows().length - 1)];
  mark(next?.dataset.id ?? null, focused);
}

/** What needs a script is there only with one. */
function ready() {
  const all = byId("desk-all");
  if (all) all.parentElement.hidden = false;
  count();
  marks.show(rows());
}

const address = () => form.dataset.live + window.location.search;

/** Look whether something changed; the server says so without sending it where not. */
async function look() {
  if (document.hidden || busy) return;
  try {
    const answer = await fetch(address(), {
      headers: { "X-Unattended": "1", ...(etag ? { "If-None-Match": etag } : {}) },
    });
    if (answer.redirected) return location.reload(); // signed out meanwhile
    if (busy || answer.status !== 200) return;
    etag = answer.headers.get("ETag");
    // What became of the last step stays to be read until the next one.
    const told = live.querySelector(".desk-outcomes, .notice-error");
    show(await answer.text());
    if (told) live.querySelector(".tabs").after(told);
  } catch {
    // the line is away: the next look tells
  }
}

/** Take a step on the chosen ones and show what became of each. */
async function take(button) {
  if (busy) return;
  busy = true;
  form.setAttribute("aria-busy", "true");
  const body = new FormData(form, button);
  try {
    const answer = await fetch(address(), {
      method: "POST", body, headers: { Accept: "text/html" },
    });
    if (answer.status === 401) return location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    picks().forEach((each) => { each.checked = false; });
    show(await answer.text());
    byId("op").value = newId(); // answered: the next step is another one
    etag = null;
    window.scrollTo({ top: 0 });
  } catch {
    const told = document.createElement("p");
    told.className = "notice notice-error";
    told.setAttribute("role", "alert");
    told.textContent = words.offline;
    live.querySelector(".notice-error")?.remove();
    live.querySelector(".tabs").after(told);
  } finally {
    busy = false;
    form.removeAttribute("aria-busy");
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = event.submitter;
  if (button?.name !== "action") return;
  if (!chosen().length && row(current)) {
    const pick = row(current).querySelector("input[name=pick]:not(:disabled)");
    if (pick) pick.checked = true;
  }
  take(button);
});

live.addEventListener("change", (event) => {
  if (event.target.id === "desk-all") {
    picks().forEach((each) => { each.checked = event.target.checked; });
  }
  count();
});
live.addEventListener("focusin", (event) => {
  const here = event.target.closest(".desk-row");
  if (here && here.dataset.id !== current) mark(here.dataset.id);
});

function step(by) {
  const all = rows();
  if (!all.length) return;
  const place = all.findIndex((each) => each.dataset.id === current);
  const next = place < 0 ? 0 : Math.min(Math.max(place + by, 0), all.length - 1);
  mark(all[next].dataset.id, true);
}

const press = (action) => form.querySelector(`.desk-bar button[value=${action}]`)?.click();
const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  x: () => row(current)?.querySelector("input[name=pick]")?.click(),
  a: () => press("accept"),
  d: () => press("dispatch"),
  t: () => byId("team")?.focus(),
  "/": () => byId("q").focus(),
  "?": () => byId("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
  if (event.key === "Escape" && event.target.matches("select, input, textarea")) {
    event.target.blur();
    if (current) mark(current, true);
    return;
  }
  if (event.target.matches("input:not([type=checkbox]), select, textarea")) return;
  const queue = live.querySelectorAll("a[data-queue]")[Number(event.key) - 1];
  const act = KEYS[event.key] ?? (queue && (() => queue.click()));
  if (!act) return;
  event.preventDefault();
  act();
});

byId("keys-button").hidden = false;
byId("keys-button").addEventListener("click", KEYS["?"]);
document.addEventListener("visibilitychange", look);
setInterval(look, EVERY);
ready();
mark(rows()[0]?.dataset.id ?? null);
