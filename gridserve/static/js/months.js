// The months under a map become a slider; the map follows when it is let go. Without this script
// they stay links.

for (const nav of document.querySelectorAll(".months")) {
  const links = [...nav.querySelectorAll("a")];
  const label = nav.getAttribute("aria-label");
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: links.length - 1, step: 1 });
  const said = document.createElement("output");
  const now = links.findIndex((link) => link.getAttribute("aria-current"));
  slider.value = now < 0 ? links.length - 1 : now;
  slider.setAttribute("aria-label", label);
  const tell = () => {
    said.textContent = links[slider.value].textContent;
    slider.setAttribute("aria-valuetext", said.textContent);
  };
  slider.addEventListener("input", tell);
  slider.addEventListener("change", () => location.assign(links[slider.value].href));
  tell();
  const words = document.createElement("span");
  words.textContent = label;
  nav.replaceChildren(words, slider, said);
}
