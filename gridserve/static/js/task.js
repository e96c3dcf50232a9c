// What the panel beside a map says: what would happen, and what was refused.

import { element } from "./map.js";

export const byId = (id) => document.getElementById(id);

/** Show a refusal in words, with a button where there is something to do about it; null clears. */
export function showFault(refused, remedy) {
  const place = byId("task-fault");
  place.hidden = !refused;
  place.replaceChildren();
  if (!refused) return;
  place.append(element("strong", "", refused.title ?? refused.message));
  refused.reasons.forEach((reason) => place.append(element("p", "mb-0 mt-1", reason)));
  if (remedy) {
    const button = element("button", "btn btn-outline mt-2", remedy.label);
    button.type = "button";
    button.addEventListener("click", remedy.act);
    place.append(button);
  }
  place.scrollIntoView({ block: "nearest" });
}

/** The part of the panel that says what a change would do. */
export class Result {
  constructor(words) {
    this.words = words;
    this.shown = false;
  }

  hide() {
    this.shown = false;
    byId("task-result").hidden = true;
    byId("task-look").classList.replace("btn-outline", "btn-primary");
  }

  /** Show a change as the API answers it; `named`: new names may be given. */
  show(change, named) {
    const { words } = this;
    const moved = change.issues_reassigned
      ? `${change.issues_moved} (${words.reassigned} ${change.issues_reassigned})`
      : `${change.issues_moved}`;
    const told = [...new Set(change.cadres.map((each) => each.name))].join(words.comma);
    const rows = [
      [words.moved, `${change.households_moved}`],
      [words.issues, moved],
      ...(change.visits_moved ? [[words.visits, `${change.visits_moved}`]] : []),
      [words.ends, change.ended.map((code) => code.slice(-3)).join(words.comma) || words.none],
      [words.cadres, told || words.nobody],
    ];
    byId("task-figures").replaceChildren(...rows.map(([name, value]) => {
      const row = element("div");
      row.append(element("dt", "", name), element("dd", "", value));
      return row;
    }));
    byId("task-names").replaceChildren(...change.cells.map((cell) => this.cell(cell, named)));
    byId("task-result").hidden = false;
    byId("task-look").classList.replace("btn-primary", "btn-outline");
    this.shown = true;
    byId("h-result").focus();
    byId("task-result").scrollIntoView({ block: "nearest" });
  }

  cell(cell, named) {
    const { words } = this;
    const row = element("div", "task-cell");
    const id = `name-${cell.code}`;
    const title = element(named ? "label" : "strong", "form-label",
      words.newName.replace("{code}", cell.code.slice(-3)));
    row.append(title);
    if (named) {
      title.htmlFor = id;
      const input = element("input", "form-control");
      Object.assign(input, { id, value: cell.name, maxLength: 80, autocomplete: "off" });
      input.defaultValue = cell.name;
      row.append(input);
    } else {
      row.append(element("span", "cell-name", cell.name));
    }
    const teams = cell.teams.map((team) => team.name).join(words.comma) || words.noTeam;
    row.append(element("span", "cell-line",
      `${cell.households} ${words.households} · ${cell.open_issues} ${words.openIssues} · ${teams}`));
    return row;
  }

  /** The names as they stand in the fields; null where none was changed. */
  names() {
    const fields = [...document.querySelectorAll("#task-names input")];
    const changed = fields.some((field) => field.value.trim() !== field.defaultValue);
    return changed ? fields.map((field) => field.value.trim() || field.defaultValue) : null;
  }
}
