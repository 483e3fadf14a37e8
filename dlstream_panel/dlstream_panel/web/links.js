// The links with which another device opens the page, as QR codes.

import { ask } from "./link.js";
import { byId, make, openDialog, tell } from "./dom.js";

const WORDS = { control: "To watch and act", "view only": "For looking only" };
const SVG = "http://www.w3.org/2000/svg";

/** A QR code as an image; around it four free modules, as readers need. */
function code(rows, name) {
  const size = rows.length + 8;
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  const modules = rows.flatMap((row, y) => [...row].map((bit, x) => (bit === "1" ? `M${x + 4} ${y + 4}h1v1h-1z` : "")));
  path.setAttribute("d", modules.join(""));
  for (const [key, value] of Object.entries({ viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": `QR code: ${name}`, "shape-rendering": "crispEdges" })) svg.setAttribute(key, value);
  svg.append(path);
  return svg;
}

export async function showLinks() {
  try {
    const { links } = await ask("links");
    byId("no-links").hidden = links.length > 0;
    byId("links-note").hidden = !links.length;
    byId("link-list").replaceChildren(
      ...links.map((item) => {
        const name = WORDS[item.for] ?? item.for;
        return make("figure", {}, code(item.code, name), make("figcaption", {}, make("b", {}, name), make("a", { href: item.link }, item.link.split("#")[0])));
      }),
    );
    openDialog("links");
  } catch (error) {
    tell(error.message, "problem");
  }
}

/** Nothing of it stays in the page. */
export function forgetLinks() {
  byId("link-list").replaceChildren();
}
