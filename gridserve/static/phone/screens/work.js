// My work: the issues that a team of mine holds, and those that I reported.

import { Empty, IssueCard } from "../parts/cards.js";
import { Choice } from "../parts/fields.js";
import { Page } from "../parts/frame.js";
import { html } from "../lib.js";
import { say } from "../words.js";
import { NoData, ReportButton } from "./today.js";

// What presses most comes first.
const ORDER = ["deep_red", "red", "amber", "green"];

export default function Work(props) {
  const { view, route, go } = props;
  const which = route.query.which === "reported" ? "reported" : "held";
  if (!view) return html`<${Page} ...${props} title=${say("work.title")}><${NoData} /></${Page}>`;
  const lists = { held: view.issues.filter((each) => each.held),
    reported: view.issues.filter((each) => each.mine && !each.held) };
  const issues = [...lists[which]].sort(byPressing);
  const option = (name) => [name, `${say(`work.${name}`)} ${lists[name].length || ""}`];
  return html`<${Page} ...${props} title=${say("work.title")} foot=${html`<${ReportButton} />`}>
    <${Choice} label=${say("work.title")} value=${which} options=${[option("held"), option("reported")]}
      onChange=${(name) => go(`#/work?which=${name}`, { replace: true })} />
    ${issues.length > 0 ? html`<ul class="cards">${issues.map((issue) => html`
      <${IssueCard} key=${issue.id} issue=${issue} view=${view} />`)}</ul>`
      : html`<${Empty} title=${say(`work.none_${which}`)} hint=${say(`work.none_${which}_hint`)} />`}
  </${Page}>`;
}

function byPressing(a, b) {
  const rank = ({ light }) => (light ? ORDER.indexOf(light) : ORDER.length);
  return rank(a) - rank(b) || (a.due_at ?? "9").localeCompare(b.due_at ?? "9");
}
