// The form of one step: what the chain's table says that it needs, and nothing else.

import { keep } from "./acts.js";
import { categoryName } from "./cards.js";
import { Choice, Line, Lines, Phrases, Tick, useParts } from "./fields.js";
import { Photos, Signature } from "./pictures.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { draft } from "../store.js";
import { knows, say } from "../words.js";

const RATINGS = ["satisfied", "fairly", "not"];
// Words may be added to these although the table asks for none.
const MAY_SAY = ["assist", "evaluate"];

/** What `step` ({action, needs}) asks; `onSend` gets the fields of StepIn. */
export function StepForm({ issue, step, view, onSend, onCancel }) {
  const { action } = step;
  const [said, put] = useParts({ words: "", photos: [] });
  const [need, setNeed] = useState("");
  const head = useRef();
  const kept = `step:${issue.id}:${action}`;
  useEffect(() => {
    head.current.focus();
    draft(kept).then((before) => before && put(before));
  }, []);
  const write = (changes) => {
    setNeed("");
    keep(() => draft(kept, put(changes)));
  };
  const send = async () => {
    const missing = needed(step).filter((name) => !String(said[name] ?? "").trim());
    if (missing.length) return setNeed(say("step.need", { what: missing.map((each) => wordsFor(action, each)).join(say("app.comma")) }));
    return (await onSend(wanted(said))) && draft(kept, null);
  };
  const fields = [...new Set([...needed(step), ...(MAY_SAY.includes(action) ? ["words"] : [])])];
  return html`<section class="panel step">
    <h2 ref=${head} tabindex="-1">${say(`action.${action}`)}</h2>
    <p class="card-soft">${issue.words}</p>
    ${fields.map((name) => html`<${Field} key=${name} name=${name} action=${action} issue=${issue} view=${view}
      said=${said} write=${write} />`)}
    ${action !== "evaluate" && html`<div class="field"><span class="label">${say("step.photos")}</span>
      <${Photos} value=${said.photos} onChange=${(photos) => write({ photos })} /></div>`}
    ${action === "evaluate" && !said.by_phone && html`<${Signature} onChange=${(signature) => write({ signature })} />`}
    ${action === "evaluate" && html`<${Tick} checked=${!!said.by_phone}
      onChange=${(by_phone) => write({ by_phone, signature: null })}>${say("step.by_phone")}</${Tick}>`}
    <p class="fault" role="alert">${need}</p>
    <div class="two"><button type="button" class="btn btn-line" onClick=${onCancel}>${say("step.cancel")}</button>
      <button type="button" class="btn btn-main" onClick=${send}>${say("step.send")}</button></div>
  </section>`;

  function needed({ needs }) {
    return action === "evaluate" && !said.by_phone ? [...(needs ?? []), "signature"] : needs ?? [];
  }
}

/** The fields of StepIn without what was left empty. */
function wanted({ by_phone, ...said }) {
  const way = said.rating && { way: by_phone ? "call_back" : "signature" };
  const full = Object.entries(said).filter(([, value]) => value && value.length !== 0);
  return { ...Object.fromEntries(full), ...way };
}

const wordsFor = (action, name) =>
  say(knows(`step.${name}.${action}`) ? `step.${name}.${action}` : `step.${name}`);

function Field({ name, action, issue, view, said, write }) {
  const label = wordsFor(action, name);
  const value = said[name] ?? "";
  const put = (given) => write({ [name]: given });
  if (name === "signature") return null; // it has a place of its own below
  if (name === "rating") {
    return html`<div class="field"><span class="label">${label}</span><${Choice} label=${label} value=${value}
      options=${RATINGS.map((each) => [each, say(`rating.${each}`)])} onChange=${put} /></div>`;
  }
  if (name === "team_id") {
    // A team that answers for cells takes only what is on their list 准入清单.
    const { to_cells } = view.category(issue.category) ?? {};
    const teams = view.teams.filter((team) => team.id !== issue.team?.id && (to_cells || !team.cells));
    return html`<div class="field"><span class="label">${label}</span>${teams.length
      ? html`<${Choice} rows label=${label} value=${value} options=${teams.map((team) => [team.id, team.name])} onChange=${put} />`
      : html`<p>${say("step.no_teams")}</p>`}</div>`;
  }
  if (name === "to_desk") {
    const desks = [[9, "township"], [6, "county"]].filter(([digits]) => digits < issue.desk.length)
      .map(([digits, level]) => [issue.desk.slice(0, digits), say(`step.to_${level}`)]);
    return html`<div class="field"><span class="label">${label}</span>
      <${Choice} label=${label} value=${value} options=${desks} onChange=${put} /></div>`;
  }
  if (name === "until") return html`<${Line} id=${name} type="date" label=${label} value=${value} onInput=${put} />`;
  const phrases = phrasesFor(name, action, categoryName(view.category(issue.category)));
  return html`<div><${Lines} id=${name} label=${label} value=${value} onInput=${put} />
    <${Phrases} label=${say("step.templates")} phrases=${phrases} onPick=${put} /></div>`;
}

function phrasesFor(name, action, category) {
  const key = name === "answer" ? "templates.answer" : `templates.${action}`;
  return knows(key) ? say(key, { category }) : [];
}
