/** What pages are made of. Labels are what somebody wrote: they become text nodes and nothing else. */

export const SHOWN = 8; // labels

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export const percent = (share) => `${(100 * share).toFixed(1)} %`;
export const counted = (text) => text || "(no name)";

/** Labels with a bar of their share. */
export function bars(ranked, chosen) {
  return element("ol", { className: "labels" }, ...ranked.map(({ label, probability }) => {
    const bar = element("div", { className: "bar" });
    bar.style.width = percent(probability).replace(" ", "");
    const track = element("div", { className: "track" }, bar);
    track.ariaHidden = "true";
    const line = element("div", { className: "line" },
      element("bdi", { className: "label", textContent: counted(label) }),
      element("span", { className: "share", textContent: percent(probability) }));
    return element("li", { className: chosen.includes(label) ? "chosen" : "" }, line, track);
  }));
}
