// Three cards for the first time; not a manual.

import { Page } from "../parts/frame.js";
import { Icon } from "../parts/icons.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { setting } from "../store.js";
import { say } from "../words.js";

const CARDS = ["check", "tray", "plus"];

export default function Hello(props) {
  const { go } = props;
  const [at, setAt] = useState(0);
  const head = useRef();
  useEffect(() => { if (at) head.current.focus(); }, [at]);
  const done = () => {
    setting("hello", "seen");
    go("#/today", { replace: true });
  };
  const last = at === CARDS.length - 1;
  return html`<${Page} ...${props} title=${say("hello.title")} plain foot=${html`<div class="two">
      ${!last && html`<button type="button" class="btn btn-line" onClick=${done}>${say("hello.skip")}</button>`}
      <button type="button" class="btn btn-main" onClick=${last ? done : () => setAt(at + 1)}>
        ${say(last ? "hello.start" : "hello.next")}</button></div>`}>
    <section class="hello">
      <span class="hello-picture"><${Icon} name=${CARDS[at]} size="4.5rem" /></span>
      <h2 tabindex="-1" ref=${head}>${say(`hello.${at + 1}`)}</h2>
      <p>${say(`hello.${at + 1}_text`)}</p>
      <p class="hello-dots" aria-label=${say("hello.nth", { n: at + 1 })}>${CARDS.map((_, n) => html`
        <i class=${n === at ? "on" : ""}></i>`)}</p>
    </section></${Page}>`;
}
