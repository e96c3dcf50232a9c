// Households and issues as they stand in lists.

import { allWell } from "./acts.js";
import { Icon, Picture } from "./icons.js";
import { awayWords, dayWords, dueWords, metres, timeWords } from "./times.js";
import { html, useRef } from "../lib.js";
import { say, spoken } from "../words.js";

/** A category's name in the language spoken. */
export const categoryName = (category) =>
  (spoken() === "en" && category?.name_en) || category?.name || "";

/** Where a household or an issue lies, as people say it. */
export const placeOf = (row) => [row.group, row.address].filter(Boolean).join(" · ");

/** One household with when it is due, and one tap for "all well". */
export function HomeCard({ home, today, here }) {
  const due = dueWords(home.due, today);
  const far = here && home.lon != null ? awayWords(metres(here, home)) : null;
  const done = home.last?.unsent && home.last.outcome === "met";
  return html`<li class="card card-split">
    <a class="card-link" href=${`#/household/${home.id}`}>
      <span class="card-title">${home.name}</span>
      <span class="card-line">${placeOf(home)}</span>
      <span class="card-facts">
        ${done ? html`<b class="mark mark-ok">${say("met.now")}</b>`
          : due && html`<b class=${due.over ? "mark mark-over" : "mark"}>${due.words}</b>`}
        ${home.dnd && html`<b class="mark mark-wait">${say("home.dnd_short")}</b>`}
        ${far && html`<span>${far}</span>`}
        ${(home.tags ?? []).map((tag) => html`<span class="tag">${say(`tag.${tag}`)}</span>`)}
      </span>
    </a>
    ${!done && html`<${WellButton} home=${home} />`}
  </li>`;
}

/** "All well" in one tap; a second tap before the list has changed does nothing. */
export function WellButton({ home }) {
  const taken = useRef(false);
  const take = async () => {
    if (taken.current) return;
    taken.current = true;
    try {
      await allWell(home);
    } finally {
      taken.current = false;
    }
  };
  return html`<button type="button" class="well" onClick=${take}
    aria-label=${say("outcome.well_label", { name: home.name })}>
    <${Icon} name="check" /><span>${say("outcome.well")}</span></button>`;
}

/** How an issue stands to its limit: a lamp and words. */
export function Light({ issue }) {
  if (!issue.light) return null;
  return html`<span class=${`light light-${issue.light}`}><i aria-hidden="true"></i>
    ${say(`light.${issue.light}`)}</span>`;
}

/** Until when what comes next is to be done: the present step, where that has a limit of its own. */
function nextDue({ stage_due_at: stage, due_at: whole }) {
  if (stage && stage !== whole) return say("work.stage_due", { when: timeWords(stage) });
  return whole && say("work.due", { when: timeWords(whole) });
}

/** One issue in a list. */
export function IssueCard({ issue, view }) {
  const category = view.category(issue.category);
  return html`<li class="card"><a class="card-link card-pictured" href=${`#/issue/${issue.id}`}>
    <span class="picture"><${Picture} category=${category} name=${categoryName(category)} /></span>
    <span class="card-body">
      <span class="card-title">${categoryName(category) || issue.category}</span>
      <span class="card-line">${issue.words}</span>
      <span class="card-line card-soft">${placeOf(issue)}</span>
      <span class="card-facts"><b class="mark">${say(`status.${issue.status}`)}</b>
        <${Light} issue=${issue} />
        ${issue.first && html`<b class="mark mark-wait">${say("work.first")}</b>`}
        ${nextDue(issue) && html`<span>${nextDue(issue)}</span>`}
        <${Unsent} issue=${issue} /></span>
    </span></a></li>`;
}

/** One issue in few lines, where households are what one came for. */
export function IssueRow({ issue, view }) {
  const category = view.category(issue.category);
  return html`<li><a class="row-issue" href=${`#/issue/${issue.id}`}>
    <span class="picture"><${Picture} category=${category} name=${categoryName(category)} /></span>
    <span class="card-body"><b class="card-line">${categoryName(category) || issue.category}</b>
      <span class="card-line one-line">${issue.words}</span>
      <span class="card-facts"><span>${say(`status.${issue.status}`)}</span><${Light} issue=${issue} />
        <${Unsent} issue=${issue} /></span></span>
    <${Icon} name="next" /></a></li>`;
}

/** That something of an issue still waits on the phone. */
export function Unsent({ issue }) {
  if (issue.unsent_report) return html`<b class="mark mark-wait">${say("work.unsent_report")}</b>`;
  if (!issue.unsent?.length) return null;
  const action = say(`action.${issue.unsent.at(-1)}`);
  return html`<b class="mark mark-wait">${say("work.unsent", { action })}</b>`;
}

/** Nothing here, and what to do about it. */
export function Empty({ title, hint, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>
    ${hint && html`<p>${hint}</p>`}${children}</div>`;
}

/** Past visits, the newest first. */
export function Visits({ visits, me }) {
  return html`<ul class="lines">${visits.map((visit) => html`<li>
    <span><b>${dayWords(visit.at)}</b> ${say(`outcome.${visit.outcome}`)}
      ${visit.unsent && html`<b class="mark mark-wait">${say("home.unsent")}</b>`}</span>
    <span class="card-soft">${visit.by === me?.name || visit.unsent ? say("home.by_me") : visit.by}
      ${visit.notes && `· ${visit.notes}`}</span></li>`)}</ul>`;
}

/** The first `shown` of a list, and a button for the rest. */
export function More({ left, onMore }) {
  return left > 0 && html`<button type="button" class="btn btn-line btn-wide" onClick=${onMore}>
    ${say("today.more", { n: left })}</button>`;
}
