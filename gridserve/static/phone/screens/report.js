// Report an issue: what, a photo, where, one sentence. What was begun survives a killed browser.

import { CategoryField, rememberCategory } from "../parts/category.js";
import { categoryName } from "../parts/cards.js";
import { keep, soon } from "../parts/acts.js";
import { Fold, Line, Lines, Phrases, Tick, useParts } from "../parts/fields.js";
import { Page } from "../parts/frame.js";
import { Icon } from "../parts/icons.js";
import { Photos } from "../parts/pictures.js";
import { snack } from "../parts/snack.js";
import { isPlaced, placeSaid, WhereField } from "../parts/where.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import * as model from "../model.js";
import { draft } from "../store.js";
import { say } from "../words.js";
import { NoData } from "./today.js";

const EMPTY = { category: null, photos: [], words: "", address: "", resident_name: "",
  resident_phone: "", anonymous: false, settled: false, result: "", answer: "" };

export default function Report(props) {
  const { view, route } = props;
  const [said, put] = useParts(null);
  const [sent, setSent] = useState(null);
  const [need, setNeed] = useState("");
  const busy = useRef(false);
  useEffect(() => {
    if (view && !said) begun(view, route.query).then((found) => put(() => found));
  }, [!!view]);
  const again = () => {
    put(() => fresh(view, {}));
    setSent(null);
  };
  const undone = () => {
    draft("report", said);
    setSent(null); // what was written is there again
  };
  if (sent) return html`<${Sent} ...${props} item=${sent} onAgain=${again} onUndone=${undone} />`;
  if (!view || !said) return html`<${Page} ...${props} title=${say("report.title")} back="#/today">
    ${!view && html`<${NoData} />`}</${Page}>`;
  const write = (changes) => {
    setNeed("");
    keep(() => draft("report", put(changes)));
  };
  const send = async () => {
    const missing = missingOf(said);
    setNeed(missing);
    if (missing || busy.current) return;
    busy.current = true;
    const item = await keep(() => model.issue(wanted(said)));
    busy.current = false;
    if (!item) return;
    await Promise.all([draft("report", null), rememberCategory(said.category)]);
    setSent(item);
  };
  return html`<${Page} ...${props} title=${say("report.title")} back="#/today" foot=${html`
      <p class="fault" role="alert">${need}</p>
      <button type="button" class="btn btn-press btn-wide" onClick=${send}>${say("report.send")}</button>`}>
    <${Form} view=${view} said=${said} write=${write} />
  </${Page}>`;
}

function Form({ view, said, write }) {
  const mine = view.cells.length > 0 && view.category(said.category)?.to_cells;
  return html`
    <section aria-labelledby="h-what"><h2 id="h-what">${say("report.what")}</h2>
      <${CategoryField} view=${view} value=${said.category} onChange=${(category) => write({ category })} /></section>
    <section aria-labelledby="h-photo"><h2 id="h-photo">${say("report.photo")}</h2>
      <${Photos} value=${said.photos} onChange=${(photos) => write({ photos })} /></section>
    <section aria-labelledby="h-words"><h2 id="h-words">${say("report.words")}</h2>
      <${Lines} id="words" label=${say("report.words")} hidden hint=${say("report.words_hint")}
        value=${said.words} max=${4000} onInput=${(words) => write({ words })} /></section>
    <section aria-labelledby="h-where"><h2 id="h-where">${say("report.where")}</h2>
      <${WhereField} view=${view} value=${said.where} onChange=${(where) => write({ where })} />
      <${Line} id="address" label=${say("report.address")} value=${said.address}
        onInput=${(address) => write({ address })} /></section>
    <${Fold} title=${say("report.resident")} open=${!!said.resident_name}>
      <${Line} id="resident" label=${say("report.resident_name")} max=${64} value=${said.resident_name}
        onInput=${(words) => write({ resident_name: words })} />
      <${Line} id="phone" label=${say("report.resident_phone")} type="tel" mode="tel" max=${20}
        value=${said.resident_phone} onInput=${(words) => write({ resident_phone: words })} />
      <${Tick} checked=${said.anonymous} onChange=${(anonymous) => write({ anonymous })}>
        ${say("report.anonymous")}</${Tick}></${Fold}>
    ${mine && html`<${Tick} checked=${said.settled} onChange=${(settled) => write({ settled })}>
      ${say("report.settled")}</${Tick}>`}
    ${mine && said.settled && html`<section class="panel">
      <${Phrases} label=${say("report.result")} phrases=${say("templates.settled")}
        onPick=${(result) => write({ result })} />
      <${Lines} id="result" label=${say("report.result")} value=${said.result} onInput=${(result) => write({ result })} />
      <${Phrases} label=${say("step.templates")} onPick=${(answer) => write({ answer })}
        phrases=${say("templates.answer", { category: categoryName(view.category(said.category)) })} />
      <${Lines} id="answer" label=${say("report.answer")} value=${said.answer} onInput=${(answer) => write({ answer })} />
    </section>`}`;
}

/** What was begun before, or a new one; an address that names a place begins anew there. */
async function begun(view, query) {
  const kept = await draft("report");
  const named = query.visit || query.household || query.cell;
  if (kept && (!named || kept.from === named)) return { ...fresh(view, query), ...kept };
  return fresh(view, query);
}

function fresh(view, query) {
  const visit = query.visit && view.items.find((each) => each.id === query.visit);
  const household_id = visit?.data.household_id ?? query.household;
  const cell = query.cell ?? (view.cells.length === 1 ? view.cells[0].code : null);
  const where = household_id ? { way: "household", household_id } : cell ? { way: "cell", cell } : { way: null };
  return { ...EMPTY, where, visit_id: visit?.id ?? null, from: query.visit || query.household || query.cell || null };
}

function missingOf(said) {
  if (!said.category) return say("report.need_kind");
  if (!said.words.trim()) return say("report.need_words");
  if (!isPlaced(said.where)) return say("report.need_where");
  if (said.settled && !(said.result.trim() && said.answer.trim())) return say("report.need_settled");
  return "";
}

/** What IssueIn takes, without what was left empty. */
function wanted(said) {
  const { category, photos, words, address, visit_id, where } = said;
  const resident = said.anonymous ? { anonymous: true }
    : { resident_name: said.resident_name.trim(), resident_phone: said.resident_phone.trim() };
  const all = { category, photos, words: words.trim(), address: address.trim(), visit_id, ...placeSaid(where),
    channel: where.household_id ? "visit" : "inspection", ...resident,
    settled: said.settled && { result: said.result.trim(), answer: said.answer.trim() } };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value && value.length !== 0));
}

/** It is kept: say so, let it be undone, and lead on. */
function Sent(props) {
  const { item, view, line, onAgain, onUndone } = props;
  const [undoable, setUndoable] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => { setUndoable(false); model.release(item.id); }, 5000);
    return () => { clearTimeout(timer); model.release(item.id); };
  }, []);
  const undo = async () => {
    const done = await model.undo(item.id);
    snack(say(done === false ? "visit.too_late" : "visit.undone"));
    if (done !== false) onUndone();
  };
  const category = categoryName(view.category(item.data.category));
  return html`<${Page} ...${props} title=${say("report.title")} back="#/today" foot=${html`<div class="two">
      <button type="button" class="btn btn-line" onClick=${onAgain}>${say("report.again")}</button>
      <a class="btn btn-main" href="#/today">${say("visit.done")}</a></div>`}>
    <div class="kept" role="status"><span class="kept-mark"><${Icon} name="check" /></span>
      <b>${say("report.sent", { category })}</b>
      <span class="kept-more">${say("report.sent_hint", { line: soon(line) })}</span>
      ${undoable && html`<button type="button" class="btn btn-undo" onClick=${undo}>
        <${Icon} name="undo" />${say("visit.undo")}</button>`}</div>
    <p class="quote">${item.data.words}</p></${Page}>`;
}
