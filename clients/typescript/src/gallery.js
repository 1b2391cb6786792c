/**
 * `<identity-gallery>`: the pictures of a character, on any page.
 *
 * It knows nothing of the API: whoever has generations gives them to it. Its look follows the page's font and colour
 * scheme; `--identity-gallery-width` is the least width of a picture, and `::part(picture)`, `::part(caption)` and
 * `::part(status)` are for styles of one's own.
 *
 * JavaScript with types in comments, for the page at /docs has this very file in its script, without a build.
 */

/** @typedef {import("./types.js").Generation} Generation */
/** @typedef {import("./types.js").GenerationSummary} GenerationSummary */
/** @typedef {Generation | GenerationSummary} GalleryEntry What is shown: generations, whole or as lists have them. */
/** @typedef {Iterable<GalleryEntry> | AsyncIterable<GalleryEntry>} GalleryEntries */
/**
 * One picture, or the place where there is none.
 *
 * @typedef {object} Shown
 * @property {string | null} link
 * @property {readonly (string | null | undefined)[]} notes
 * @property {number | null} width Pixels.
 * @property {number | null} height
 */

const STYLE = `
  :host { color: CanvasText; display: block; }
  :host([hidden]) { display: none; }
  ul {
    display: grid; gap: 1rem; list-style: none; margin: 0; padding: 0;
    grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--identity-gallery-width, 14rem)), 1fr));
  }
  figure { margin: 0; }
  a { border-radius: .5rem; display: block; }
  a:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
  img {
    background: color-mix(in srgb, CanvasText 8%, Canvas); border-radius: .5rem;
    display: block; height: auto; width: 100%;
  }
  p { margin: 0 0 .75rem; }
  figcaption { font-size: .875rem; line-height: 1.4; margin-top: .4rem; overflow-wrap: anywhere; }
  small { display: block; font-size: inherit; }
`;

// Where there is no page, as on a server, the module may be imported all the same.
const Base = globalThis.HTMLElement ?? /** @type {typeof HTMLElement} */ (class {});

/** The element; `defineIdentityGallery` gives it its name. */
export class IdentityGallery extends Base {
  #list = document.createElement("ul");
  #status = document.createElement("p");
  /** @type {GalleryEntries} */
  #entries = [];
  #turn = 0;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.#status.setAttribute("role", "status");
    this.#status.setAttribute("part", "status");
    root.append(this.#status, this.#list);
  }

  /**
   * What is shown. A list of the API is read as it is shown, page by page, until something else is.
   *
   * @returns {GalleryEntries}
   */
  get generations() {
    return this.#entries;
  }

  set generations(entries) {
    this.#entries = entries;
    void this.#show(entries);
  }

  /** @param {GalleryEntries} entries */
  async #show(entries) {
    this.#turn += 1;
    const turn = this.#turn;
    this.#list.replaceChildren();
    this.#status.textContent = "Loading …";
    let count = 0;
    try {
      for await (const entry of entries) {
        if (turn !== this.#turn) return;
        for (const shown of picturesOf(entry)) {
          this.#list.append(this.#item(entry, shown));
          count += shown.link ? 1 : 0;
        }
      }
    } catch (error) {
      if (turn === this.#turn) this.#status.textContent = error instanceof Error ? error.message : String(error);
      return;
    }
    if (turn === this.#turn) this.#status.textContent = count === 1 ? "1 picture" : `${count} pictures`;
  }

  /**
   * @param {GalleryEntry} entry
   * @param {Shown} shown
   */
  #item(entry, { link, notes, width, height }) {
    const figure = document.createElement("figure");
    if (link !== null) {
      const image = document.createElement("img");
      Object.assign(image, { src: link, alt: entry.prompt, loading: "lazy", decoding: "async" });
      if (width && height) Object.assign(image, { width, height });
      image.setAttribute("part", "picture");
      const anchor = document.createElement("a");
      Object.assign(anchor, { href: link, rel: "noreferrer" });
      anchor.append(image);
      anchor.addEventListener("click", (event) => {
        const chosen = new CustomEvent("choose", { detail: { generation: entry, imageUrl: link }, cancelable: true });
        if (!this.dispatchEvent(chosen)) event.preventDefault();
      });
      figure.append(anchor);
    }
    const caption = document.createElement("figcaption");
    caption.setAttribute("part", "caption");
    const words = document.createElement("small");
    words.textContent = [...notes, entry.simulated ? "simulated" : ""].filter(Boolean).join(" · ");
    caption.append(entry.prompt, words);
    figure.append(caption);
    const item = document.createElement("li");
    item.append(figure);
    return item;
  }
}

/**
 * Have pages understand `<identity-gallery>`, or the element under another name.
 *
 * @param {string} [name]
 */
export function defineIdentityGallery(name = "identity-gallery") {
  if (!customElements.get(name)) customElements.define(name, IdentityGallery);
}

/**
 * @param {GalleryEntry} entry
 * @returns {Shown[]}
 */
function picturesOf(entry) {
  const { status, width, height } = entry;
  if (status === "failed") return [without(entry.error?.message ?? "It failed.")];
  if (status !== "succeeded") return [without(`${status} …`)];
  if (!("images" in entry)) {
    return [{ link: safe(entry.thumbnailUrl), notes: [likeness(entry.clipSimilarity)], width, height }];
  }
  return entry.images.map((image) => {
    if (!image.imageUrl) return without(image.reason ?? image.outcome);
    const [score] = image.scores;
    const similarity = likeness(image.clipSimilarity) || likeness(score?.mean, score?.encoder);
    const notes = [similarity || image.notScored?.reason, image.seed === null ? "" : `seed ${image.seed}`];
    return { link: safe(image.imageUrl), notes, width: image.width, height: image.height };
  });
}

/**
 * The place of a picture that is not there.
 *
 * @param {string} why
 * @returns {Shown}
 */
function without(why) {
  return { link: null, notes: [why], width: null, height: null };
}

/**
 * How like the references a picture is, in words; empty where that is not known.
 *
 * @param {number | null | undefined} similarity
 * @param {string} [encoder] Whose number it is, where it is not CLIP's.
 */
function likeness(similarity, encoder) {
  if (similarity === null || similarity === undefined) return "";
  return encoder ? `similarity ${similarity.toFixed(2)} (${encoder})` : `CLIP similarity ${similarity.toFixed(2)}`;
}

/**
 * A link that a page may follow; nothing that runs.
 *
 * @param {string | null} link
 */
function safe(link) {
  return link !== null && /^https?:/i.test(link) ? link : null;
}
