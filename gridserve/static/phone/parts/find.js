// Finding households and categories by what somebody types.

const low = (words) => (words ?? "").toLowerCase();

/** Households by parts of name, address, group or number. */
export function findHomes(view, words) {
  const sought = low(words);
  return view.households.filter((home) =>
    [home.name, home.address, home.group, home.number].some((each) => low(each).includes(sought)));
}

/** Those that can still be chosen, with the groups above them. */
function offered(all) {
  const above = new Map(all.map((each) => [each.code, each.parent]));
  const kept = new Set();
  for (const each of all.filter(({ off }) => !off)) {
    for (let code = each.code; code && !kept.has(code); code = above.get(code)) kept.add(code);
  }
  return all.filter(({ code }) => kept.has(code));
}

/** Categories that can be chosen, by words or pinyin initials; what begins so comes first. */
export function findCategories(all, words) {
  const categories = offered(all);
  const sought = low(words).split(/\s+/).filter(Boolean);
  const parents = new Set(categories.map((each) => each.parent));
  const text = (each) => low(`${each.name} ${each.name_en} ${each.find ?? ""}`);
  const rank = (each) => {
    const [first] = sought;
    const begins = text(each).split(/\s+/).some((word) => word.startsWith(first));
    return (parents.has(each.code) ? 2 : 0) + (begins ? 0 : 1);
  };
  return categories
    .filter((each) => !each.off && sought.every((word) => text(each).includes(word)))
    .map((each) => [rank(each), each])
    .sort(([a], [b]) => a - b)
    .map(([, each]) => each);
}

/** The categories as pictures: [[group, its members], …]. A group of groups gives way to them. */
export function pictures(all) {
  const categories = offered(all);
  const under = new Map();
  for (const each of categories) {
    under.set(each.parent ?? null, [...(under.get(each.parent ?? null) ?? []), each]);
  }
  const members = (each) => under.get(each.code) ?? [];
  const deep = (each) => members(each).some((child) => members(child).length);
  const shown = (each) => (deep(each) ? members(each).flatMap(shown) : [each]);
  return (under.get(null) ?? []).flatMap(shown).map((each) => [each, members(each)]);
}
