// The player of the weeks: Folium's buttons in the page's words and as large as a thumb, a slider of
// the browser's own, and the week that is shown marked in the table beside the map.

/** What Folium's layer wants, week by week, from spots as [lat, lon, [heat of each week]]. */
export function byWeek(spots, weeks) {
  return Array.from({ length: weeks }, (_, week) =>
    spots.filter(([, , heat]) => heat[week]).map(([lat, lon, heat]) => [lat, lon, heat[week] / 99]));
}

function button(box, name, words) {
  const link = box.querySelector(`.timecontrol-${name}`);
  link.setAttribute("role", "button");
  link.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    link.click();
  });
  link.title = words;
  link.setAttribute("aria-label", words);
  return link;
}

/** Put the player under its map, at the last week. */
export function dressPlayer(map, control, words) {
  const time = map.timeDimension, player = control._player, box = control.getContainer();
  const rows = [...document.querySelectorAll("[data-week]")];
  const last = time.getAvailableTimes().length - 1;
  button(box, "backward", words.back);
  const play = button(box, "play", words.play);
  button(box, "forward", words.on);
  box.querySelector(".timecontrol-date").replaceWith(control._displayDate = document.createElement("output"));
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: last, step: 1 });
  slider.setAttribute("aria-label", words.week);
  slider.addEventListener("input", () => {
    player.stop();
    time.setCurrentTimeIndex(Number(slider.value));
  });
  box.insertBefore(slider, control._displayDate);
  player.options.startOver = true;
  player.setTransitionTime(600);
  player.on("play stop", () => {
    const said = player.isPlaying() ? words.pause : words.play;
    play.title = said;
    play.setAttribute("aria-label", said);
  });
  const tell = () => {
    const week = time.getCurrentTimeIndex();
    slider.value = week;
    slider.setAttribute("aria-valuetext", control.index[week]);
    rows.forEach((row) => row.classList.toggle("is-shown", Number(row.dataset.week) === week));
  };
  time.on("timeload", tell);
  time.setCurrentTimeIndex(last);
  tell();
  document.getElementById("player").append(box);
}
