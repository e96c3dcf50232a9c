// One household: who lives there, what is open, what was; an outcome in one tap at the thumb.

import { keepVisit } from "../parts/acts.js";
import { Empty, IssueCard, placeOf, Visits } from "../parts/cards.js";
import { Page } from "../parts/frame.js";
import { Icon } from "../parts/icons.js";
import { dayWords, dueWords } from "../parts/times.js";
import { html, useState } from "../lib.js";
import { ask } from "../session.js";
import { say } from "../words.js";

export default function Household(props) {
  const { route, view, go } = props;
  const home = view?.household(route.id);
  if (!home) {
    return html`<${Page} ...${props} title=${say("home.title")} back="#/today">
      <${Empty} title=${say("app.not_found")} hint=${say("app.not_found_hint")} /></${Page}>`;
  }
  const keep = async (outcome) => {
    const item = await keepVisit(home, outcome);
    if (item) go(`#/visit/${item.id}`, { replace: true });
  };
  return html`<${Page} ...${props} title=${home.name} back="#/today"
    foot=${html`<${Outcomes} onPick=${keep} />`}>
    <${Facts} home=${home} view=${view} />
    <div class="two">
      ${home.phone && html`<${Call} home=${home} />`}
      <a class="btn btn-line" href=${`#/report?household=${home.id}`}>
        <${Icon} name="plus" />${say("report.open")}</a>
    </div>
    <section aria-labelledby="h-open"><h2 id="h-open">${say("home.issues")}</h2>
      ${home.open.length > 0 ? html`<ul class="cards">${home.open.map((issue) => html`
        <${IssueCard} key=${issue.id} issue=${issue} view=${view} />`)}</ul>`
        : html`<p class="none">${say("home.no_issues")}</p>`}</section>
    <section aria-labelledby="h-visits"><h2 id="h-visits">${say("home.visits")}</h2>
      ${home.visits.length > 0 ? html`<${Visits} visits=${home.visits} me=${view.me} />`
        : html`<p class="none">${say("home.no_visits")}</p>`}</section>
  </${Page}>`;
}

function Facts({ home, view }) {
  const due = dueWords(home.due, view.today);
  return html`<section class="panel facts" aria-label=${say("home.title")}>
    ${home.dnd && html`<p class="warning"><${Icon} name="warn" />${say("home.dnd")}</p>`}
    <p class="facts-place">${placeOf(home)}</p>
    <p class="card-soft">${[view.cell(home.cell)?.name, say("home.number", home),
      home.size && say("home.size", { n: home.size }),
      home.status && home.status !== "active" && say(`home_status.${home.status}`)].filter(Boolean).join(" · ")}</p>
    ${home.tags?.length > 0 && html`<p class="card-facts">${home.tags.map((tag) => html`
      <span class="tag">${say(`tag.${tag}`)}</span>`)}</p>`}
    <p><b class=${due?.over ? "mark mark-over" : "mark"}>${due?.words ?? ""}</b></p>
    <p>${home.met ? say("met.on", { day: dayWords(home.met) }) : say("met.never")}</p>
    ${home.note && html`<p class="quote">${home.note}</p>`}
  </section>`;
}

/** The four outcomes: the usual one large, the others beside each other below it. */
function Outcomes({ onPick }) {
  const [taken, setTaken] = useState(false);
  const pick = (outcome) => {
    if (taken) return;
    setTaken(true);
    onPick(outcome).finally(() => setTaken(false));
  };
  return html`<div class="outcomes" role="group" aria-label=${say("home.record")}>
    <button type="button" class="btn btn-main outcome-met" onClick=${() => pick("met")}>
      <${Icon} name="check" />${say("outcome.all_well")}</button>
    ${["nobody_home", "refused", "moved"].map((outcome) => html`
      <button type="button" class="btn btn-line" onClick=${() => pick(outcome)}>
        ${say(`outcome.${outcome}`)}</button>`)}
  </div>`;
}

/** The number is masked on the phone: a tap asks the server for it, and another one calls. */
function Call({ home }) {
  const [number, setNumber] = useState(null);
  const [state, setState] = useState("");
  const look = async () => {
    setState(say("home.calling"));
    try {
      const { phone } = (await ask(`/api/v1/households/${home.id}`)).data;
      setNumber(phone ?? null);
      setState(phone ? "" : say("home.call_none"));
    } catch (error) {
      setState(error.title ?? say("home.call_offline"));
    }
  };
  if (number) {
    return html`<a class="btn btn-main" href=${`tel:${number}`}>
      <${Icon} name="phone" />${say("home.call_number", { phone: number })}</a>`;
  }
  return html`<div><button type="button" class="btn btn-line btn-wide" onClick=${look}>
    <${Icon} name="phone" />${say("home.call")}</button>
    <p class="state" role="status">${state}</p></div>`;
}
