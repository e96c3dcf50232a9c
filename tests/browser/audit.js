// What is wrong with the screen as it is shown: a list of sentences, empty where nothing is.
// Text has 7:1 against what is behind it and is large enough; what is tapped is large enough;
// nothing lies beside the screen; everything has a name for a screen reader.
() => {
  const TARGET = 48, SMALLEST = 16, CONTRAST = 7;
  const faults = [];
  const rgba = (color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) => ({ r: top.r * top.a + below.r * (1 - top.a), g: top.g * top.a + below.g * (1 - top.a),
    b: top.b * top.a + below.b * (1 - top.a), a: 1 });
  const behind = (element) => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      const color = rgba(getComputedStyle(each).backgroundColor);
      layers.push(color);
      if (color.a === 1) break;
    }
    return layers.reduceRight((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
  };
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (a, b) => {
    const [hi, lo] = [light(a), light(b)].sort((x, y) => y - x);
    return (hi + 0.05) / (lo + 0.05);
  };
  const isShown = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && box.bottom > 0 - scrollY && !element.closest(".unseen, .skip, [hidden]")
      && element.checkVisibility({ visibilityProperty: true });
  };
  const named = (element) => `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className} “${
    (element.getAttribute("aria-label") || element.textContent || "").trim().slice(0, 30)}”`;

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || seen.has(element) || !isShown(element)) continue;
    seen.add(element);
    const style = getComputedStyle(element);
    const ratio = contrast(over(rgba(style.color), behind(element)), behind(element));
    if (ratio < CONTRAST) faults.push(`${named(element)}: contrast ${ratio.toFixed(1)}`);
    if (parseFloat(style.fontSize) < SMALLEST) faults.push(`${named(element)}: ${style.fontSize} of text`);
  }
  for (const field of document.querySelectorAll("[placeholder]")) {
    const ratio = contrast(rgba(getComputedStyle(field, "::placeholder").color), behind(field));
    if (ratio < CONTRAST) faults.push(`${named(field)}: placeholder's contrast ${ratio.toFixed(1)}`);
  }
  for (const target of document.querySelectorAll("a, button, input:not(.unseen), textarea, summary, [role=radio], canvas.signature")) {
    if (!isShown(target)) continue;
    const { width, height, left, right } = target.getBoundingClientRect();
    if (width < TARGET - 0.5 || height < TARGET - 0.5) faults.push(`${named(target)}: ${width.toFixed()}×${height.toFixed()}`);
    if (left < -0.5 || right > innerWidth + 0.5) faults.push(`${named(target)}: beside the screen`);
    const label = target.getAttribute("aria-label") || target.textContent.trim() || target.labels?.[0]?.textContent.trim()
      || target.querySelector("img[alt]")?.alt;
    if (!label) faults.push(`${named(target)}: without a name`);
  }
  for (const picture of document.querySelectorAll("img:not([alt])")) faults.push(`${picture.src}: without words`);
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) faults.push(`${wide} px wide on a screen of ${innerWidth}`);
  const size = parseFloat(getComputedStyle(document.body).fontSize);
  if (size < 18) faults.push(`body text of ${size} px`);
  return faults;
}
