// Find one household by parts of its name, address or number; the keyboard is open at once.

import { Empty, HomeCard } from "../parts/cards.js";
import { findHomes } from "../parts/find.js";
import { Page } from "../parts/frame.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { say } from "../words.js";

const SHOWN = 30;

export default function Find(props) {
  const { view } = props;
  const [sought, setSought] = useState("");
  const field = useRef();
  useEffect(() => { setTimeout(() => field.current?.focus()); }, []); // after the title had it
  const homes = sought && view ? findHomes(view, sought).slice(0, SHOWN) : [];
  return html`<${Page} ...${props} title=${say("today.find_one")} back="#/today">
    <label class="search"><span class="unseen">${say("today.find")}</span>
      <input ref=${field} type="search" placeholder=${say("today.find")} value=${sought} enterkeyhint="search"
        onInput=${(event) => setSought(event.target.value.trim())} /></label>
    <ul class="cards" role="status">${homes.map((home) => html`
      <${HomeCard} key=${home.id} home=${home} today=${view.today} />`)}</ul>
    ${sought && !homes.length && html`<${Empty} title=${say("today.found_none")} />`}
  </${Page}>`;
}
