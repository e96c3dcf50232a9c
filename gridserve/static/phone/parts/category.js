// What it is about: by typing words or pinyin initials, by the last used ones, or by pictures.

import { categoryName } from "./cards.js";
import { findCategories, pictures } from "./find.js";
import { Icon, Picture } from "./icons.js";
import { html, useEffect, useState } from "../lib.js";
import { setting } from "../store.js";
import { say } from "../words.js";

const SHOWN = 12;

export async function rememberCategory(code) {
  const known = (await setting("recent_categories")) ?? [];
  await setting("recent_categories", [code, ...known.filter((each) => each !== code)].slice(0, 3));
}

/** Choose a category; once chosen, only that is shown, with a way to choose another. */
export function CategoryField({ view, value, onChange }) {
  const chosen = value && view.category(value);
  if (chosen) return html`<${Chosen} category=${chosen} onOther=${() => onChange(null)} />`;
  return html`<${Chooser} view=${view} onPick=${(category) => onChange(category.code)} />`;
}

function Chosen({ category, onOther }) {
  return html`<div class="chosen">
    <span class="picture"><${Picture} category=${category} name=${categoryName(category)} /></span>
    <span class="card-body"><b class="card-title">${categoryName(category)}</b>
      <span class="card-line card-soft">${promised(category)}</span>
      ${category.materials?.length > 0 && html`<span class="card-line card-soft">
        ${say("report.materials", { list: listed(category.materials) })}</span>`}
      ${category.sensitive && html`<span class="card-line card-soft">${say("report.sensitive")}</span>`}</span>
    <button type="button" class="btn btn-line" onClick=${onOther}>${say("report.change")}</button></div>`;
}

const listed = (materials) =>
  (Array.isArray(materials) ? materials : materials.split("\n")).join(say("app.comma"));

/** What the category promises, as one says it to the person standing there. */
function promised({ promise, limit }) {
  const within = limit ? say(`limit.${limit.unit}`, { n: limit.amount }) : "";
  return say(`report.promise.${promise}`, { limit: within });
}

function Chooser({ view, onPick }) {
  const [sought, setSought] = useState("");
  const [group, setGroup] = useState(null);
  const [last, setLast] = useState([]);
  useEffect(() => {
    setting("recent_categories").then((codes) =>
      setLast((codes ?? []).map((code) => view.category(code)).filter(Boolean)));
  }, []);
  const found = sought.trim() && findCategories(view.categories, sought).slice(0, SHOWN);
  return html`
    <label class="search"><span class="unseen">${say("report.find_label")}</span>
      <input type="search" placeholder=${say("report.find")} value=${sought} autocapitalize="none"
        enterkeyhint="search" onInput=${(event) => setSought(event.target.value)} /></label>
    ${found ? html`<${Names} categories=${found} onPick=${onPick} />`
      : group ? html`<${Names} categories=${group[1]} onPick=${onPick} />
        <button type="button" class="btn btn-line btn-wide" onClick=${() => setGroup(null)}>
          <${Icon} name="back" />${say("report.back_groups")}</button>`
      : html`
        ${last.length > 0 && html`<p class="label">${say("report.last")}</p>
          <${Names} categories=${last} onPick=${onPick} />`}
        <p class="label">${say("report.pictures")}</p>
        <div class="tiles">${pictures(view.categories).map(([each, members]) => html`
          <button type="button" class="tile" onClick=${() => members.length ? setGroup([each, members]) : onPick(each)}>
            <${Picture} category=${each} name=${categoryName(each)} size="2em" /><span>${categoryName(each)}</span></button>`)}</div>`}`;
}

function Names({ categories, onPick }) {
  return html`<div class="names" role="status">${categories.length === 0 && html`<p>${say("report.none")}</p>`}
    ${categories.map((each) => html`<button type="button" class="name" key=${each.code}
      onClick=${() => onPick(each)}><${Picture} category=${each} name=${categoryName(each)} /><span>${categoryName(each)}</span></button>`)}</div>`;
}
