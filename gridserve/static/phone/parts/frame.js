// What is around every screen: its head with the state of the line, banners, and the tabs at the thumb.

import { Icon } from "./icons.js";
import { Snack, Voice } from "./snack.js";
import { timeWords } from "./times.js";
import { html, useEffect, useErrorBoundary, useRef } from "../lib.js";
import { say } from "../words.js";

const STALE_MS = 36 * 3_600_000; // a day and a half: yesterday evening's is fine in the morning

// Tab → routes that belong under it.
const TABS = {
  today: ["today", "find", "household", "visit", "report"],
  map: ["map"],
  work: ["work", "issue"],
  more: ["more", "outbox", "log", "notices", "hints", "settings"],
};

/** The state of the line in words: {words, tone} with tone "ok", "wait" or "bad". */
export function lineWords(line) {
  if (line.refused) {
    const key = line.waiting ? "line.refused_waiting" : "line.refused";
    return { words: say(key, { n: line.refused, waiting: line.waiting }), tone: "bad" };
  }
  if (!line.online) {
    const words = line.waiting ? say("line.waiting_off", { n: line.waiting }) : say("line.none");
    return { words, tone: "wait" };
  }
  if (!line.waiting) return { words: say("line.all"), tone: "ok" };
  const key = line.sending ? "line.sending" : "line.waiting";
  return { words: say(key, { n: line.waiting }), tone: "wait" };
}

/** What stays while screens come and go: the way past the head, and the voice for what was kept. */
export default function Frame({ route, view, line, children }) {
  const [fault, again] = useErrorBoundary((error) => console.error(error));
  useEffect(again, [route.name, route.id]);
  if (fault) return html`<${Fault} route=${route} view=${view} line=${line} />`;
  return html`
    <a class="skip" href="#main" onClick=${focusMain}>${say("app.skip")}</a>
    ${children}
    <${Voice} />`;
}

/** A screen has failed: the tabs still lead everywhere, and nothing kept is touched. */
function Fault(props) {
  return html`<${Page} ...${props} title=${say("app.name")} back="#/today"><p role="alert">${say("app.fault")}</p></${Page}>`;
}

function Tabs({ route, view, line }) {
  return html`<nav class="tabs" aria-label=${say("app.tabs")}>
    ${Object.entries(TABS).map(([name, routes]) => html`
      <a href=${`#/${name}`} aria-current=${routes.includes(route.name) ? "page" : undefined}>
        <${Icon} name=${name} /><span>${say(`tab.${name}`)}</span>
        ${badge(name, view, line)}
      </a>`)}
  </nav>`;
}

function badge(name, view, line) {
  const n = { work: toSign(view), more: line.refused + (view?.hints?.length ?? 0) }[name];
  return n ? html`<b class="badge">${n > 99 ? "99+" : n}</b>` : null;
}

const toSign = (view) =>
  view?.issues?.filter((each) => each.held && each.status === "dispatched").length ?? 0;

function focusMain(event) {
  event.preventDefault(); // the hash is the address of the screen
  document.getElementById("main").focus();
}

/** A screen: its head with title and state of the line, what it shows, and acts at the thumb.
 *
 * `back` is the address that the arrow leads to where there is no page before this one. A new
 * address moves the focus to the title, so that a screen reader says where one is. `wide` leaves
 * no room at the sides, `plain` leaves out the tabs. */
export function Page({ route, view, line, title, back, foot, children, wide, plain }) {
  const head = useRef();
  const state = lineWords(line);
  useEffect(() => {
    document.title = `${title} · ${say("app.name")}`;
  }, [title]);
  useEffect(() => {
    head.current.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [route.name, route.id]);
  return html`
    <header class="head">
      ${back && html`<a class="head-back" href=${back} onClick=${goBack} aria-label=${say("app.back")}>
        <${Icon} name="back" /></a>`}
      <h1 ref=${head} tabindex="-1">${title}</h1>
      <a class=${`line line-${state.tone}`} href="#/outbox"
        aria-label=${say("line.label", { state: state.words })}>${state.words}</a>
    </header>
    <main id="main" tabindex="-1" class=${wide ? "main main-wide" : "main"}>
      <${Banners} line=${line} view=${view} />
      ${children}
    </main>
    <div class="bottom">
      <${Snack} />
      ${foot && html`<div class="foot">${foot}</div>`}
      ${!plain && html`<${Tabs} route=${route} view=${view} line=${line} />`}
    </div>`;
}

// The addresses shown so far, so that the arrow never leads out of the app.
const trail = [location.hash];
window.addEventListener("hashchange", () => {
  if (trail.at(-2) === location.hash) trail.pop();
  else trail.push(location.hash);
});

function goBack(event) {
  if (trail.length < 2) return; // the arrow's own address will do
  event.preventDefault();
  window.history.back();
}

function Banners({ line, view }) {
  const old = view && Date.now() - new Date(view.made_at) > STALE_MS;
  return html`
    ${line.signed_in === false && html`<div class="banner banner-bad" role="alert">
      <p>${say("app.signed_out")}</p>
      <a class="btn btn-press" href="/login?next=/m/">${say("app.sign_in")}</a></div>`}
    ${old && html`<div class="banner"><p>${say("app.stale", { when: timeWords(view.made_at) })}</p></div>`}
    ${["full", "storage"].includes(line.problem?.code) && html`<div class="banner banner-bad" role="alert">
      <p>${say(line.problem.code === "full" ? "app.full" : "app.not_kept")}</p></div>`}
    ${["busy", "forbidden", "server"].includes(line.problem?.code) && html`<div class="banner"><p>
      ${[line.problem.title ?? say(`app.${line.problem.code}`), line.problem.detail].filter(Boolean).join(" ")}</p></div>`}
    ${line.secure === false && !line.unkeptFrame && html`<div class="banner"><p>${say("app.insecure")}</p></div>`}
    ${line.unkeptFrame && html`<div class="banner"><p>${say("app.unkept_frame")}</p>
      <a class="btn" href="/m/" target="_blank">${say("app.own_window")}</a></div>`}`;
}
