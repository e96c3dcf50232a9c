// A visit that was just kept: complete as it is. What is added here is kept at once.

import { keep, soon, UNDO_MS } from "../parts/acts.js";
import { Empty } from "../parts/cards.js";
import { Choice, joined, Line, Lines, Phrases, Tick, useParts } from "../parts/fields.js";
import { Page } from "../parts/frame.js";
import { Icon } from "../parts/icons.js";
import { Photos } from "../parts/pictures.js";
import { snack } from "../parts/snack.js";
import { html, useEffect, useState } from "../lib.js";
import * as model from "../model.js";
import { say } from "../words.js";

const HOLD_MS = 180_000; // after the last touch it goes as it stands; sooner where the page is left
const CAMERA_MS = 300_000; // somebody may be looking for the right angle

export default function Visit(props) {
  const { route, view, line, go } = props;
  const item = view?.items.find((each) => each.id === route.id);
  const home = item && view.household(item.data.household_id);
  const [added, setAdded] = useState(false);
  const [late, setLate] = useState(null); // what was written after it had gone
  const [said, put] = useParts({}); // ahead of the item, which is written behind it
  useEffect(() => () => { model.release(route.id); }, [route.id]);
  if (!item || item.state === "sent" || !home) return html`<${Gone} ...${props} item=${item} late=${late} />`;
  const data = { ...item.data, ...said };
  const amend = async (changes, hold = HOLD_MS) => {
    put(changes);
    const kept = await keep(() => model.amend(item.id, changes, { hold_ms: hold }));
    if (kept) setAdded(Object.keys(changes).length > 0);
    else setLate((before) => ({ ...before, ...changes }));
  };
  const next = view.due(null).find((each) => each.id !== home.id);
  return html`<${Page} ...${props} title=${home.name} back="#/today" foot=${html`<div class="two">
      <a class="btn btn-line" href=${`#/report?visit=${item.id}`}>${say("visit.issue")}</a>
      <a class="btn btn-main" href="#/today">${say("visit.done")}</a></div>`}>
    <${Kept} item=${item} line=${line} go=${go} added=${added} />
    <p class="card-soft">${say("visit.optional")}</p>
    <${Notes} data=${data} view=${view} amend=${amend} />
    <${Questions} data=${data} home=${home} view=${view} amend=${amend} />
    <${Told} data=${data} home=${home} view=${view} amend=${amend} />
    <section aria-labelledby="h-photos"><h2 id="h-photos">${say("visit.photos")}</h2>
      <${Photos} value=${data.photos ?? []} onOpen=${() => amend({}, CAMERA_MS)}
        onChange=${(photos) => amend({ photos })} /></section>
    ${next && html`<a class="note" href=${`#/household/${next.id}`}>
      <span>${say("visit.next", { name: next.name })}</span><${Icon} name="next" /></a>`}
  </${Page}>`;
}

/** What was kept, read out; for five seconds it can be undone. */
function Kept({ item, line, go, added }) {
  const [left, setLeft] = useState(UNDO_MS - (Date.now() - new Date(item.made_at).getTime()));
  useEffect(() => {
    const timer = setTimeout(() => setLeft(0), Math.max(0, left));
    return () => clearTimeout(timer);
  }, []);
  const undo = async () => {
    const done = await model.undo(item.id);
    snack(say(done === false ? "visit.too_late" : "visit.undone"));
    if (done !== false) go(`#/household/${item.data.household_id}`, { replace: true });
  };
  return html`<div class="kept" role="status">
    <span class="kept-mark"><${Icon} name="check" /></span>
    <b>${say("visit.saved", { outcome: say(`outcome.${item.data.outcome}`) })}</b>
    <span class="kept-more">${added ? say("visit.is_saved") : say("visit.stored", { line: soon(line) })}</span>
    ${left > 0 && html`<button type="button" class="btn btn-undo" onClick=${undo}>
      <${Icon} name="undo" />${say("visit.undo")}</button>`}
  </div>`;
}

function Notes({ data, view, amend }) {
  const { notes = "" } = data;
  const met = data.outcome === "met";
  const write = (words) => amend({ notes: words });
  return html`<section aria-labelledby="h-notes"><h2 id="h-notes">${say("visit.phrases")}</h2>
    <${Phrases} label=${say("visit.phrases")} phrases=${met ? view.phrases : view.phrases_away}
      recent=${met ? "recent_phrases" : "recent_phrases_away"}
      onPick=${(phrase) => write(joined(notes, phrase))} />
    <${Lines} id="notes" label=${say("visit.notes")} hint=${say("visit.notes_hint")} value=${notes}
      max=${4000} onInput=${write} /></section>`;
}

/** The questions of the period that this household has not answered yet. */
function Questions({ data, home, view, amend }) {
  const all = view.questionnaire?.questions ?? [];
  const known = new Set(home.known ?? []);
  const open = all.filter((_, at) => !known.has(at));
  if (data.outcome !== "met" || !open.length) return null;
  const given = new Map((data.answers ?? []).map((each) => [each.question, each.value]));
  const answer = (question, value) => {
    if (value) given.set(question.id, value);
    else given.delete(question.id);
    amend({ answers: [...given].map(([id, said]) => ({ question: id, value: said })) });
  };
  return html`<section aria-labelledby="h-ask"><h2 id="h-ask">${view.questionnaire.title || say("visit.questions")}</h2>
    ${open.map((each) => html`<div class="question" key=${each.id}>
      <p class="label" id=${`q-${each.id}`}>${each.text}</p>
      <${Answer} question=${each} value=${given.get(each.id) ?? ""} onChange=${(value) => answer(each, value)} />
    </div>`)}
    ${known.size > 0 && html`<p class="card-soft">${say("visit.known", { n: known.size })}</p>`}
  </section>`;
}

function Answer({ question, value, onChange }) {
  const options = { yes_no: [["yes", say("yes")], ["no", say("no")]],
    choice: (question.options ?? []).map((each) => [each, each]) }[question.kind];
  if (options) {
    return html`<${Choice} label=${question.text} value=${value} options=${options}
      rows=${options.length > 4} onChange=${onChange} />`;
  }
  return html`<${Line} id=${`a-${question.id}`} label=${question.text} hidden value=${value} max=${200}
    mode=${question.kind === "number" ? "decimal" : undefined} onInput=${onChange} />`;
}

/** Notices to tick as told, with a question that came back. */
function Told({ data, home, view, amend }) {
  const before = new Set(home.told ?? []);
  const village = view.cell(home.cell)?.village;
  const open = view.notices.filter((each, at) =>
    !before.has(at) && (!each.villages || each.villages.includes(village)));
  if (data.outcome !== "met" || !open.length) return null;
  const told = data.told ?? [];
  const mark = (id, on) => amend({ told: on ? [...told, { notice: id }] : told.filter((each) => each.notice !== id) });
  const ask = (id, question) => amend({ told: told.map((each) =>
    each.notice === id ? { notice: id, ...(question && { question }) } : each) });
  return html`<section aria-labelledby="h-told"><h2 id="h-told">${say("visit.told")}</h2>
    ${open.map((notice) => {
      const mine = told.find((each) => each.notice === notice.id);
      return html`<div key=${notice.id}>
        <${Tick} checked=${!!mine} onChange=${(on) => mark(notice.id, on)}>${notice.title}</${Tick}>
        ${mine && html`<${Line} id=${`t-${notice.id}`} label=${say("visit.question")} max=${500}
          value=${mine.question ?? ""} onInput=${(words) => ask(notice.id, words)} />`}</div>`;
    })}</section>`;
}

/** It has gone, or was undone: say so, and how to go on. */
function Gone(props) {
  const { item, late } = props;
  return html`<${Page} ...${props} title=${say("visit.title")} back="#/today">
    ${late?.notes && html`<p class="why" role="alert">${say("visit.late")}</p><p class="quote">${late.notes}</p>`}
    <${Empty} title=${item ? say("visit.gone") : say("app.not_found")}>
      ${item && html`<a class="btn btn-line" href=${`#/household/${item.data.household_id}`}>${say("visit.again")}</a>`}
      <a class="btn btn-main" href="#/today">${say("app.to_today")}</a></${Empty}></${Page}>`;
}
