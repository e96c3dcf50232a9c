// The work log, day by day: generated from what was done, nothing to fill in.

import { Empty } from "../parts/cards.js";
import { Page } from "../parts/frame.js";
import { dayWords, timeWords } from "../parts/times.js";
import { html, useEffect, useState } from "../lib.js";
import { ask } from "../session.js";
import { say } from "../words.js";

const SPAN = 7;

export default function Log(props) {
  const { view, line } = props;
  const [span, setSpan] = useState(SPAN);
  const [days, setDays] = useState(null);
  const [state, setState] = useState("");
  const from = view ? dayBefore(view.today, span - 1) : null;
  useEffect(() => {
    if (!view) return;
    daysOf(from, view.today).then((found) => { setDays(found); setState(""); },
      () => setState(say("log.offline")));
  }, [from, line.online, view?.today]);
  const unsent = (view?.items ?? []).filter((each) => ["waiting", "sending"].includes(each.state));
  return html`<${Page} ...${props} title=${say("log.title")} back="#/more" foot=${from && line.online && html`
      <a class="btn btn-line btn-wide" href=${`/m/log?from=${from}&to=${view.today}`}>${say("log.print")}</a>`}>
    <p class="card-soft">${say("log.hint")}</p>
    ${unsent.length > 0 && html`<section aria-labelledby="h-unsent"><h2 id="h-unsent">${say("log.unsent")}</h2>
      <ul class="lines">${unsent.map((item) => html`<li key=${item.id}><span><b>${timeWords(item.made_at)}</b>
        ${" "}${unsentWords(item, view)}</span></li>`)}</ul></section>`}
    <p class="state" role="status">${state}</p>
    ${days?.filter(isFull).map((day) => html`<${Day} key=${day.day} day=${day} />`)}
    ${days && !days.some(isFull) && !unsent.length && html`<${Empty} title=${say("log.none")} hint=${say("log.none_hint")} />`}
    ${days && span < 28 && html`<button type="button" class="btn btn-line btn-wide" onClick=${() => setSpan(span + SPAN)}>
      ${say("log.earlier")}</button>`}
  </${Page}>`;
}

const isFull = (day) => day.visits?.length || day.steps?.length || day.issues?.length;

function dayBefore(day, count) {
  const at = new Date(`${day}T12:00:00`);
  at.setDate(at.getDate() - count);
  return at.toISOString().slice(0, 10);
}

async function daysOf(from, to) {
  const { data } = await ask(`/api/v1/log?from=${from}&to=${to}`);
  return data.days.sort((a, b) => b.day.localeCompare(a.day));
}

function unsentWords({ kind, data }, view) {
  if (kind === "visit") return `${view.household(data.household_id)?.name ?? ""} ${say(`outcome.${data.outcome}`)}`;
  if (kind === "issue") return `${say("action.report")} ${data.words}`;
  return `${say(`action.${data.action}`)} ${data.words ?? ""}`;
}

/** One day as sentences: the server's own line, then each thing that was done. */
function Day({ day }) {
  const counts = ["visits", "steps", "issues"].filter((name) => day[name]?.length)
    .map((name) => say(`log.${name}`, { n: day[name].length }));
  return html`<section aria-labelledby=${`d-${day.day}`}>
    <h2 id=${`d-${day.day}`}>${dayWords(day.day, { weekday: true })}</h2>
    <p><b>${counts.join(say("app.comma"))}</b></p>
    ${day.words && html`<p class="quote">${day.words}</p>`}
    <ul class="lines">
      ${day.visits.map((visit) => html`<li><span><b>${timeOnly(visit.at)}</b> ${visit.name} ${visit.address}
        ${" "}${say(`outcome.${visit.outcome}`)}</span>${visit.notes && html`<span class="card-soft">${visit.notes}</span>`}</li>`)}
      ${day.issues.map((issue) => html`<li><span><b>${timeOnly(issue.at)}</b> ${say("action.report")} ${issue.number ?? ""}</span>
        <span class="card-soft">${issue.words}</span></li>`)}
      ${day.steps.map((step) => html`<li><span><b>${timeOnly(step.at)}</b> ${say(`action.${step.action}`)} ${step.number ?? ""}</span>
        ${step.words && html`<span class="card-soft">${step.words}</span>`}</li>`)}
    </ul></section>`;
}

const timeOnly = (at) => (at ? timeWords(at).split(" ").at(-1) : "");
