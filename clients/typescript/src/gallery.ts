/**
 * `<identity-gallery>`: the pictures of a character, on any page.
 *
 * It knows nothing of the API: whoever has generations gives them to it. Its look follows the page's font and colour
 * scheme; `--identity-gallery-width` is the least width of a picture, and `::part(picture)`, `::part(caption)` and
 * `::part(status)` are for styles of one's own.
 */
import type { Generation, GenerationSummary } from "./types.js";

/** What a gallery shows: generations with all their pictures, or as lists have them. */
export type GalleryEntry = Generation | GenerationSummary;
export type GalleryEntries = Iterable<GalleryEntry> | AsyncIterable<GalleryEntry>;

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
  img { background: color-mix(in srgb, CanvasText 8%, Canvas); border-radius: .5rem; display: block; width: 100%; }
  p { margin: 0 0 .75rem; }
  figcaption { font-size: .875rem; line-height: 1.4; margin-top: .4rem; overflow-wrap: anywhere; }
  small { display: block; font-size: inherit; }
`;

/** One picture, or the place where there is none. */
interface Shown {
  link: string | null;
  note: string;
  similarity: number | null;
  width: number | null;
  height: number | null;
}

// Where there is no page, as on a server, the module may be imported all the same.
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/** The element; `defineIdentityGallery` gives it its name. */
export class IdentityGallery extends Base {
  readonly #list: HTMLUListElement;
  readonly #status: HTMLParagraphElement;
  #entries: GalleryEntries = [];
  #turn = 0;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.#list = document.createElement("ul");
    this.#status = document.createElement("p");
    this.#status.setAttribute("role", "status");
    this.#status.setAttribute("part", "status");
    root.append(this.#status, this.#list);
  }

  /** What is shown. A list of the API is read as it is shown, page by page, until something else is. */
  get generations(): GalleryEntries {
    return this.#entries;
  }

  set generations(entries: GalleryEntries) {
    this.#entries = entries;
    void this.#show(entries);
  }

  async #show(entries: GalleryEntries): Promise<void> {
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

  #item(entry: GalleryEntry, { link, note, similarity, width, height }: Shown): HTMLLIElement {
    const figure = document.createElement("figure");
    if (link !== null) {
      const image = document.createElement("img");
      Object.assign(image, { src: link, alt: entry.prompt, loading: "lazy", decoding: "async" });
      if (width && height) Object.assign(image, { width, height, style: "height: auto" });
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
    const score = similarity === null ? "" : `CLIP similarity ${similarity.toFixed(2)}`;
    words.textContent = [note, score, entry.simulated ? "simulated" : ""].filter(Boolean).join(" · ");
    caption.append(entry.prompt, words);
    figure.append(caption);
    const item = document.createElement("li");
    item.append(figure);
    return item;
  }
}

/** Have pages understand `<identity-gallery>`, or the element under another name. */
export function defineIdentityGallery(name = "identity-gallery"): void {
  if (!customElements.get(name)) customElements.define(name, IdentityGallery);
}

function picturesOf(entry: GalleryEntry): Shown[] {
  const { status, width, height } = entry;
  if (status === "failed") {
    return [{ link: null, note: entry.error?.message ?? "It failed.", similarity: null, width: null, height: null }];
  }
  if (status !== "succeeded") return [{ link: null, note: `${status} …`, similarity: null, width: null, height: null }];
  if (!("images" in entry)) {
    return [{ link: safe(entry.thumbnailUrl), note: "", similarity: entry.clipSimilarity ?? null, width, height }];
  }
  return entry.images.map((image) => ({
    link: safe(image.imageUrl),
    note: image.imageUrl ? "" : (image.reason ?? image.outcome),
    similarity: image.clipSimilarity,
    width: image.width,
    height: image.height,
  }));
}

/** A link that a page may follow; nothing that runs. */
function safe(link: string | null): string | null {
  return link !== null && /^https?:\/\//i.test(link) ? link : null;
}
