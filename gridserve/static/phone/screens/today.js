// Today: what presses, what is dispatched to me, and whom to visit next with one tap.

import { Empty, HomeCard, IssueRow, More } from "../parts/cards.js";
import { Choice } from "../parts/fields.js";
import { Page } from "../parts/frame.js";
import { Icon } from "../parts/icons.js";
import { dayWords } from "../parts/times.js";
import { html, useEffect, useState } from "../lib.js";
import { position } from "../place.js";
import { setting } from "../store.js";
import { refresh } from "../sync.js";
import { say } from "../words.js";

const HOMES = 20; // a step of the list: what a thumb scrolls before it searches
const ISSUES = 3;

export default function Today(props) {
  const { view } = props;
  return html`<${Page} ...${props} title=${say("today.title")} foot=${view && html`<div class="two">
      <a class="btn btn-line" href="#/find"><${Icon} name="find" />${say("today.find_one")}</a>
      <${ReportButton} /></div>`}>
    ${view ? html`<${Day} view=${view} />` : html`<${NoData} />`}</${Page}>`;
}

/** The way to report from anywhere, at the right thumb. */
export function ReportButton({ query = "" }) {
  return html`<a class="btn btn-press" href=${`#/report${query}`}>
    <${Icon} name="plus" />${say("report.open")}</a>`;
}

export function NoData() {
  return html`<${Empty} title=${say("app.no_data")} hint=${say("app.no_data_hint")}>
    <button type="button" class="btn btn-main" onClick=${refresh}>${say("app.refresh")}</button></${Empty}>`;
}

function Day({ view }) {
  const held = view.issues.filter((each) => each.held && !each.unsent?.length);
  const done = view.households.filter((each) => each.last?.at && isToday(each.last.at, view.today));
  return html`
    <p class="day">${dayWords(view.today, { weekday: true })}
      ${done.length > 0 && html`<br /><b>${say("today.done", { n: done.length })}</b>`}</p>
    <${Pressing} view=${view} />
    ${held.length > 0 && html`<section aria-labelledby="h-work">
      <div class="section-head"><h2 id="h-work">${say("today.work")}</h2>
        ${held.length > ISSUES && html`<a class="link" href="#/work">
          ${say("today.all_work", { n: held.length })}</a>`}</div>
      <ul class="cards cards-rows">${held.slice(0, ISSUES).map((issue) => html`
        <${IssueRow} key=${issue.id} issue=${issue} view=${view} />`)}</ul>
    </section>`}
    <${Due} view=${view} />`;
}

const isToday = (at, today) => new Date(at).toDateString() === new Date(`${today}T00:00:00`).toDateString();

/** What should not be overlooked, each as one line that leads to it. */
function Pressing({ view }) {
  const [seen, setSeen] = useState(null); // ids of the notices that were opened
  useEffect(() => { setting("seen_notices").then((ids) => setSeen(new Set(ids ?? []))); }, []);
  const fresh = seen && view.notices.find((each) => !seen.has(each.id));
  const refused = view.items.filter((each) => each.state === "refused");
  const clocks = view.items.filter((each) => each.state === "waiting" && each.suggested).length;
  const lines = [
    view.me.away && [say("today.away"), null],
    ...(view.me.stands_in ?? []).map((each) => [say("today.stand_in", each), null]),
    refused.length && [say("today.refused", { n: refused.length }), "#/outbox"],
    clocks && [say("today.clock", { n: clocks }), "#/outbox"],
    view.hints.length && [say("today.hints", { n: view.hints.length }), "#/hints"],
    fresh && [say("today.notices", { title: fresh.title }), "#/notices"],
  ].filter(Boolean);
  return html`${lines.map(([words, href]) => href
    ? html`<a class="note" href=${href}><span>${words}</span><${Icon} name="next" /></a>`
    : html`<p class="note">${words}</p>`)}`;
}

function Due({ view }) {
  const [here, setHere] = useState(null); // null by due date, else {lon, lat}
  const [state, setState] = useState("");
  const [shown, setShown] = useState(HOMES);
  const order = async (which) => {
    setHere(null);
    setState("");
    if (which === "due") return;
    setState(say("today.locating"));
    const found = await position({ wait: 8000 });
    setHere(found);
    setState(found ? "" : say("today.no_place"));
  };
  const homes = view.due(here);
  if (!view.cells.length) {
    return html`<${Empty} title=${say("today.no_team")} hint=${say("today.no_team_hint")} />`;
  }
  return html`<section aria-labelledby="h-due">
    <h2 id="h-due">${say("today.due")}</h2>
    ${homes.length > 0 && html`<${Choice} label=${say("today.order")} value=${here || state ? "near" : "due"}
      options=${[["due", say("today.by_due")], ["near", say("today.by_distance")]]} onChange=${order} />`}
    <p class="state" role="status">${state}</p>
    ${homes.length > 0 ? html`<ul class="cards">${homes.slice(0, shown).map((home) => html`
      <${HomeCard} key=${home.id} home=${home} today=${view.today} here=${here} />`)}</ul>
      <${More} left=${homes.length - shown} onMore=${() => setShown(shown + HOMES)} />`
      : html`<${Empty} title=${say("today.none_due")} hint=${say("today.none_due_hint")} />`}
  </section>`;
}
