// What the server did not take: why, in plain words, and the three ways on.

import { CategoryField } from "./category.js";
import { Line, Lines } from "./fields.js";
import { snack } from "./snack.js";
import { daysBetween, dayWords, forInput, timeWords } from "./times.js";
import { html, useState } from "../lib.js";
import * as model from "../model.js";
import { knows, say } from "../words.js";

export function Refused({ item, view, title }) {
  const [mode, setMode] = useState(""); // "", "correct" or "dismiss"
  const problem = item.problem ?? {};
  const suggested = correction(problem, item.data);
  const away = async (words) => {
    await model.dismiss(item.id);
    snack(say(words));
  };
  const changed = item.kind === "step" && problem.result === "conflict";
  return html`<li class="card card-plain card-refused">
    <b class="card-title">${title}</b>
    <span class="card-line card-soft">${timeWords(item.data.started_at ?? item.made_at)}</span>
    <p class="why">${whyOf(problem)}</p>
    ${(item.say ?? []).map((words) => html`<p>${words}</p>`)}
    ${suggested && html`<${WasIt} at=${Object.values(suggested)[0]} onYes=${() =>
      model.correct(item.id, { ...item.data, ...suggested, ended_at: undefined, typed_at: undefined })} />`}
    ${problem.kept && html`<p class="card-soft">${say("outbox.kept")}</p>`}
    ${mode === "correct" && html`<${Correct} item=${item} view=${view} onDone=${() => setMode("")} />`}
    ${mode === "dismiss" && html`<div class="two" role="alertdialog" aria-label=${say("outbox.dismiss_sure")}>
      <p>${say("outbox.dismiss_sure")}</p>
      <button type="button" class="btn btn-line" onClick=${() => setMode("")}>${say("outbox.keep")}</button>
      <button type="button" class="btn btn-press" onClick=${() => away("outbox.dismissed")}>${say("outbox.dismiss_yes")}</button></div>`}
    ${!mode && html`<div class="stack">
      ${changed ? html`<a class="btn btn-main" href=${`#/issue/${item.issue_id}`}>${say("outbox.look")}</a>`
        : html`<button type="button" class=${suggested ? "btn btn-line" : "btn btn-main"} onClick=${() => setMode("correct")}>${say("outbox.correct")}</button>`}
      ${problem.kept && html`<button type="button" class="btn btn-line" onClick=${() => away("outbox.gone_to_desk")}>${say("outbox.desk")}</button>`}
      <button type="button" class="btn btn-line" onClick=${() => setMode("dismiss")}>${say("outbox.dismiss")}</button></div>`}
  </li>`;
}

/** The time that the server suggests, as {name: time}, where it is another one than was said. */
function correction({ suggested }, said) {
  const other = ([name, at]) => Math.abs(new Date(at) - new Date(said[name])) > 60_000;
  return Object.entries(suggested ?? {}).some(other) ? suggested : null;
}

/** The server's own words; ours where it has none. */
function whyOf(problem) {
  const errors = Object.values(problem.errors ?? {}).flat().filter((each) => typeof each === "string");
  const said = [problem.title, problem.detail, ...errors].filter(Boolean);
  if (said.length) return [...new Set(said)].join(" ");
  const key = [`problem.${problem.code}`, `problem.${problem.result}`].find(knows);
  return say(key ?? "problem.invalid");
}

/** The phone's clock was wrong: one tap says when it was. */
export function WasIt({ at, onYes }) {
  const day = daysBetween(at, new Date().toISOString()) === 0 ? "" : dayWords(at);
  const time = timeWords(at).split(" ").at(-1);
  return html`<div class="panel"><p>${say("outbox.was_hint")} <b>${say("outbox.was_today", { day: day || say("outbox.today"), time })}</b></p>
    <button type="button" class="btn btn-main btn-wide" onClick=${onYes}>
      ${say("outbox.yes_it_was")}</button></div>`;
}

/** What somebody can mend by hand: the time and notes of a visit, the words and category of an issue. */
function Correct({ item, view, onDone }) {
  const [data, setData] = useState(item.data);
  const put = (changes) => setData({ ...data, ...changes });
  const send = () => model.correct(item.id, data).then(onDone);
  const noted = item.kind === "visit" ? "notes" : "words";
  return html`<div>
    ${item.kind === "visit" && html`<${Line} id=${`when-${item.id}`} type="datetime-local" label=${say("outbox.when")}
      value=${forInput(data.started_at)} onInput=${(local) => local && put({ started_at: new Date(local).toISOString(), ended_at: undefined })} />`}
    ${item.kind === "issue" && html`<${CategoryField} view=${view} value=${data.category} onChange=${(category) => put({ category })} />`}
    <${Lines} id=${`words-${item.id}`} label=${say(noted === "notes" ? "visit.notes" : "step.words")} value=${data[noted] ?? ""}
      max=${4000} onInput=${(words) => put({ [noted]: words })} />
    ${data.answer != null && html`<${Lines} id=${`answer-${item.id}`} label=${say("step.answer")} value=${data.answer}
      onInput=${(answer) => put({ answer })} />`}
    <div class="two"><button type="button" class="btn btn-line" onClick=${onDone}>${say("outbox.keep")}</button>
      <button type="button" class="btn btn-main" onClick=${send}>${say("outbox.save")}</button></div></div>`;
}
