// What people fill in: as few as can be, large, and each with its words.

import { Icon } from "./icons.js";
import { usePhrase } from "./acts.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { setting } from "../store.js";
import { say } from "../words.js";

const FEW = 5; // phrases shown at first: what comes below them is not pushed off the screen

/** Values that change by parts, also from what was begun earlier (a photo that took its time): each
 * part is laid over the newest values, never over those of the moment when it was asked. */
export function useParts(start) {
  const newest = useRef(start);
  const [, draw] = useState(0);
  const put = (parts) => {
    newest.current = typeof parts === "function" ? parts(newest.current) : { ...newest.current, ...parts };
    draw((n) => n + 1);
    return newest.current;
  };
  return [newest.current, put];
}

/** One of few, as buttons side by side. `options`: [[value, words], …]. */
export function Choice({ label, value, options, onChange, rows }) {
  const layout = rows ? "choice choice-rows" : options.length === 4 ? "choice choice-pairs" : "choice";
  return html`<div class=${layout} role="radiogroup" aria-label=${label}>
    ${options.map(([each, words]) => html`<button type="button" role="radio" class="choice-one"
      aria-checked=${String(each === value)} onClick=${() => onChange(each)}>${words}</button>`)}
  </div>`;
}

/** Lines of text that grow with what is written. */
export function Lines({ id, label, value, onInput, hint, hidden, rows = 2, max = 2000 }) {
  const field = useRef();
  useEffect(() => {
    field.current.style.height = "auto";
    field.current.style.height = `${field.current.scrollHeight + 2}px`;
  }, [value]);
  return html`<div class="field">
    <label class=${hidden ? "unseen" : "label"} for=${id}>${label}</label>
    <textarea id=${id} ref=${field} rows=${rows} maxlength=${max} placeholder=${hint}
      value=${value} onInput=${(event) => onInput(event.target.value)}></textarea></div>`;
}

export function Line({ id, label, value, onInput, hint, hidden, type = "text", mode, max = 120 }) {
  return html`<div class="field">
    <label class=${hidden ? "unseen" : "label"} for=${id}>${label}</label>
    <input id=${id} type=${type} inputmode=${mode} maxlength=${max} placeholder=${hint}
      autocomplete="off" value=${value} onInput=${(event) => onInput(event.target.value)} /></div>`;
}

/** Phrases to tap instead of typing; those used last come first. */
export function Phrases({ label, phrases, onPick, recent }) {
  const [used, setUsed] = useState([]);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (recent) setting(recent).then((found) => setUsed(found ?? []));
  }, []);
  const every = [...new Set([...used, ...phrases])].slice(0, 12);
  const all = open ? every : every.slice(0, FEW);
  const pick = (words) => {
    if (recent) usePhrase(words, recent);
    onPick(words);
  };
  return all.length > 0 && html`<div class="phrases" role="group" aria-label=${label}>
    ${all.map((words) => html`<button type="button" class="phrase" onClick=${() => pick(words)}>
      ${words}</button>`)}
    ${every.length > all.length && html`<button type="button" class="phrase phrase-more" aria-expanded="false"
      onClick=${() => setOpen(true)}>${say("field.more")}</button>`}</div>`;
}

/** Notes with a phrase added: on a line's end, with a full stop between. */
export function joined(notes, phrase) {
  const kept = notes.trim();
  if (!kept) return phrase;
  return /[。.!！?？;；]$/.test(kept) ? `${kept}${phrase}` : `${kept}。${phrase}`;
}

/** A box to tick with its words. */
export function Tick({ checked, onChange, children }) {
  return html`<label class="tick"><input type="checkbox" checked=${checked}
    onChange=${(event) => onChange(event.target.checked)} />
    <span class="tick-box" aria-hidden="true"><${Icon} name="check" /></span>
    <span>${children}</span></label>`;
}

/** What need not be looked at unless somebody wants it. */
export function Fold({ title, children, open }) {
  return html`<details class="fold" open=${open}><summary>${title}</summary>
    <div class="fold-body">${children}</div></details>`;
}
