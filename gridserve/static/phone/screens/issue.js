// One issue: what it is, how it stands, and the steps that I may take with what each asks.

import { keep } from "../parts/acts.js";
import { categoryName, Empty, Light, placeOf, Unsent } from "../parts/cards.js";
import { Page } from "../parts/frame.js";
import { Icon, Picture } from "../parts/icons.js";
import { Shown } from "../parts/pictures.js";
import { snack } from "../parts/snack.js";
import { StepForm } from "../parts/step.js";
import { timeWords } from "../parts/times.js";
import { html, useState } from "../lib.js";
import * as model from "../model.js";
import { ask } from "../session.js";
import { say } from "../words.js";

// What moves the issue on, large; the rest stands below it.
const ONWARD = ["sign", "feed_back", "evaluate"];
// Taken by whoever sits at a desk; a phone does not offer them.
const DESK = ["merge", "extend", "suspend", "hand_down", "propose_close", "force_close"];

export default function Issue(props) {
  const { route, view } = props;
  const issue = view?.issue(route.id);
  const [open, setOpen] = useState(null); // the step whose form is shown
  if (!issue) {
    return html`<${Page} ...${props} title=${say("issue.title")} back="#/work">
      <${Empty} title=${say("app.not_found")} hint=${say("app.not_found_hint")} /></${Page}>`;
  }
  const steps = (issue.actions ?? []).filter((each) => !DESK.includes(each.action));
  const take = async (action, said) => {
    const item = await keep(() => model.step(issue, action, said));
    if (!item) return false;
    setOpen(null);
    setTimeout(() => model.release(item.id), 5500);
    snack(say("issue.step_saved", { action: say(`action.${action}`) }), { undo: () => model.undo(item.id) });
    return true;
  };
  const choose = (step) => (step.action === "sign" ? take("sign", {}) : setOpen(step));
  const onward = steps.filter((each) => ONWARD.includes(each.action));
  const title = categoryName(view.category(issue.category)) || say("issue.title");
  return html`<${Page} ...${props} title=${title} back="#/work"
    foot=${!open && onward.length > 0 && html`${onward.map((step) => html`
      <button type="button" class="btn btn-main btn-wide" onClick=${() => choose(step)}>
        ${say(`action.${step.action}`)}</button>`)}`}>
    ${open ? html`<${StepForm} key=${open.action} issue=${issue} step=${open} view=${view}
        onSend=${(said) => take(open.action, said)} onCancel=${() => setOpen(null)} />`
      : html`<${Facts} issue=${issue} view=${view} />
        ${!steps.some((each) => each.action !== "comment") && html`<p class="none">${say("issue.none")}</p>`}
        <${Others} steps=${steps.filter((each) => !ONWARD.includes(each.action))} onPick=${choose} />
        <${Chain} issue=${issue} />`}
  </${Page}>`;
}

function Facts({ issue, view }) {
  const category = view.category(issue.category);
  const home = issue.household && view.household(issue.household);
  const facts = [
    [say("issue.where"), [view.cell(issue.cell)?.name, placeOf(issue)].filter(Boolean).join(" · ")],
    [say("issue.who"), issue.resident?.name],
    [say("issue.team"), issue.team?.name],
    [say("issue.handler"), issue.handler],
    [say("issue.stage_due"), issue.stage_due_at && issue.stage_due_at !== issue.due_at && timeWords(issue.stage_due_at)],
    [say("issue.due"), issue.due_at && timeWords(issue.due_at)],
  ].filter(([, value]) => value);
  return html`<section class="panel" aria-label=${say("issue.title")}>
    <p class="card-facts"><span class="picture"><${Picture} category=${category} name=${categoryName(category)} /></span>
      <b class="mark">${say(`status.${issue.status}`)}</b><${Light} issue=${issue} /><${Unsent} issue=${issue} /></p>
    ${issue.first && html`<p class="warning"><${Icon} name="warn" />${say("work.first_hint")}</p>`}
    <p class="issue-words">${issue.words}</p>
    <dl class="facts-list">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <p class="card-soft">${issue.number ?? say("work.no_number")}</p>
    ${issue.photos?.length > 0 && html`<div class="photos">${issue.photos.map((sha, at) => html`
      <div class="photo" key=${sha}><${Shown} sha=${sha} words=${say("photo.nth", { n: at + 1 })} /></div>`)}</div>`}
    ${issue.last?.words && html`<p class="quote"><b>${say(`action.${issue.last.action}`)}</b> ${issue.last.words} <span class="card-soft">${[issue.last.by, issue.last.at && timeWords(issue.last.at)].filter(Boolean).join(" · ")}</span></p>`}
    ${home && html`<a class="btn btn-line btn-wide" href=${`#/household/${home.id}`}>
      <${Icon} name="home" />${home.name} · ${say("issue.household")}</a>`}
  </section>`;
}

function Others({ steps, onPick }) {
  if (!steps.length) return null;
  return html`<section aria-labelledby="h-others"><h2 id="h-others">${say("issue.others")}</h2>
    <div class="names">${steps.map((step) => html`<button type="button" class="name" key=${step.action}
      onClick=${() => onPick(step)}><span>${say(`action.${step.action}`)}</span><${Icon} name="next" /></button>`)}</div></section>`;
}

/** All steps so far, asked of the server when somebody wants them. */
function Chain({ issue }) {
  const [steps, setSteps] = useState(null);
  const [state, setState] = useState("");
  if (issue.unsent_report) return null;
  const look = async () => {
    setState(say("app.loading"));
    try {
      setSteps((await ask(`/api/v1/issues/${issue.id}`)).data.steps);
      setState("");
    } catch (error) {
      setState(error.title ?? say("issue.chain_offline"));
    }
  };
  return html`<section>
    ${!steps?.length && html`<button type="button" class="btn btn-line btn-wide" onClick=${look}>${say("issue.chain")}</button>`}
    <p class="state" role="status">${state}</p>
    ${steps?.length > 0 && html`<h2>${say("issue.chain_title")}</h2><ol class="lines">${steps.map((step) => html`<li key=${step.id}>
      <span><b>${say(`action.${step.action}`)}</b> ${timeWords(step.happened_at)}</span>
      ${step.words && html`<span>${step.words}</span>`}
      <span class="card-soft">${[step.actor?.name, step.team?.name].filter(Boolean).join(" · ")}</span></li>`)}</ol>`}
  </section>`;
}
