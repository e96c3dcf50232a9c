// Visits that looked unusual to the server: the person is asked first, before anybody judges.

import { Empty } from "../parts/cards.js";
import { Lines, Phrases } from "../parts/fields.js";
import { Page } from "../parts/frame.js";
import { snack } from "../parts/snack.js";
import { timeWords } from "../parts/times.js";
import { html, newId, useState } from "../lib.js";
import { post } from "../session.js";
import { refresh } from "../sync.js";
import { say } from "../words.js";

export default function Hints(props) {
  const { view, line } = props;
  const hints = view?.hints ?? [];
  return html`<${Page} ...${props} title=${say("hints.title")} back="#/more">
    ${hints.length === 0 ? html`<${Empty} title=${say("hints.none")} hint=${say("hints.none_hint")} />`
      : html`<p>${say("hints.why")}</p>`}
    ${hints.map((hint) => html`<${Hint} key=${hint.id} hint=${hint} view=${view} line=${line} />`)}
  </${Page}>`;
}

function Hint({ hint, view, line }) {
  const [words, setWords] = useState("");
  const [state, setState] = useState("");
  const home = view.household(hint.visit?.household?.id ?? hint.visit?.household);
  const send = async () => {
    if (!words.trim()) return;
    try {
      await post(`/api/v1/hints/${hint.id}/answer`, { id: newId(), words: words.trim() });
      snack(say("hints.sent"));
      refresh();
    } catch (error) {
      setState(error.title ?? say("hints.offline"));
    }
  };
  return html`<article class="panel">
    <h2>${[home?.name, hint.visit?.at && timeWords(hint.visit.at)].filter(Boolean).join(" · ")}</h2>
    <p>${hint.say}</p>
    <${Phrases} label=${say("hints.words")} phrases=${say("hints.phrases")} onPick=${setWords} />
    <${Lines} id=${`hint-${hint.id}`} label=${say("hints.words")} value=${words} onInput=${setWords} />
    <p class="state" role="status">${line.online ? state : say("hints.offline")}</p>
    <button type="button" class="btn btn-main btn-wide" disabled=${!line.online} onClick=${send}>${say("hints.send")}</button>
  </article>`;
}
