// Notices from the county and the township, to be told to people.

import { Empty } from "../parts/cards.js";
import { Page } from "../parts/frame.js";
import { dayWords } from "../parts/times.js";
import { html, useEffect } from "../lib.js";
import { setting } from "../store.js";
import { say } from "../words.js";

export default function Notices(props) {
  const { view } = props;
  const notices = view?.notices ?? [];
  useEffect(() => { setting("seen_notices", notices.map((each) => each.id)); }, [notices.length]);
  return html`<${Page} ...${props} title=${say("notices.title")} back="#/more">
    ${notices.length === 0 ? html`<${Empty} title=${say("notices.none")} hint=${say("notices.none_hint")} />`
      : html`<p class="card-soft">${say("notices.hint")}</p>`}
    ${notices.map((notice, at) => html`<article class="panel" key=${notice.id}>
      <h2>${notice.title}</h2>
      <p class="notice-words">${notice.words}</p>
      ${(notice.answers ?? []).map((each) => html`<p class="quote"><b>${each.question}</b><br />${each.answer}</p>`)}
      <p class="card-soft">${[notice.by && say("notices.by", { by: notice.by }),
        notice.until && say("notices.until", { day: dayWords(notice.until) }),
        say("notices.told", { n: toldIn(view, at) })].filter(Boolean).join(" · ")}</p></article>`)}
  </${Page}>`;
}

const toldIn = (view, at) => view.households.filter((home) => home.told?.includes(at)).length;
