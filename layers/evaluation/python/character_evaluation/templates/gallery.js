"use strict";
/* Filter, order, a viewer that lays a picture over another, and a blind judgement of pairs. Without scripts the
   page shows the same pictures and figures. */
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const pictures = all("figure[data-provider]").filter((each) => each.querySelector("img"));
  const references = all(".references img").map((image, index) => ({ name: `reference ${index + 1}`, source: image.src }));
  const source = (figure) => figure.querySelector("img").src;
  const nameOf = (figure) => `${figure.dataset.provider}, variation ${figure.dataset.variation}`;

  one("tools").hidden = false;

  /* Which providers, in which order. */
  for (const box of all("#tools input[type=checkbox]")) {
    box.addEventListener("change", () => {
      for (const column of all(".provider")) if (column.dataset.provider === box.value) column.hidden = !box.checked;
      one("blind").disabled = !allPairs().some(isShown);
    });
  }
  one("order").addEventListener("change", (event) => {
    const direction = { asked: 0, best: -1, worst: 1 }[event.target.value];
    for (const column of all(".pictures")) {
      const score = (figure) => Number(figure.dataset.score || direction * Infinity); /* none is last */
      const place = (figure) => Number(figure.dataset.place);
      const ordered = all("figure", column).sort(
        (a, b) => direction * (score(a) - score(b)) || place(a) - place(b),
      );
      column.append(...ordered);
    }
  });

  /* One picture large, another over it or beside it. */
  const viewer = one("viewer");
  let shown = 0;
  const others = (figure) => [
    ...references,
    ...pictures
      .filter((each) => each !== figure && each.dataset.scenario === figure.dataset.scenario)
      .map((each) => ({ name: nameOf(each), source: source(each) })),
  ];
  const show = (index) => {
    shown = (index + pictures.length) % pictures.length;
    const figure = pictures[shown];
    one("picture").src = source(figure);
    one("picture").alt = figure.querySelector("img").alt;
    one("caption").textContent = `${figure.dataset.scenario}: ${nameOf(figure)}`;
    one("other").replaceChildren(...others(figure).map(({ name, source }) => new Option(name, source)));
    one("other").value = (references[Number(figure.dataset.nearest || 1) - 1] ?? { source: one("other").value }).source;
    lay();
  };
  const lay = () => {
    const chosen = one("other").selectedOptions[0];
    one("over").src = chosen ? chosen.value : "";
    one("over").alt = chosen ? chosen.text : "";
    viewer.style.setProperty("--share", `${one("share").value}%`);
    viewer.classList.toggle("beside", one("beside").checked);
  };
  pictures.forEach((figure, index) => {
    figure.querySelector("a").addEventListener("click", (event) => {
      event.preventDefault();
      show(index);
      viewer.showModal();
    });
  });
  for (const id of ["other", "share", "beside"]) one(id).addEventListener("input", lay);
  one("previous").addEventListener("click", () => show(shown - 1));
  one("next").addEventListener("click", () => show(shown + 1));
  viewer.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select")) return;
    if (event.key === "ArrowLeft") show(shown - 1);
    if (event.key === "ArrowRight") show(shown + 1);
  });

  /* Pairs of one scenario and variation, in an order and on sides that chance decides; nobody is named. */
  const judge = one("judge");
  const below = (most) => Math.floor((crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32) * most);
  let queue = []; /* all pairs, in the order in which those of the providers that are shown are asked */
  let pairs = [];
  let votes = [];
  let saved = true; /* until then a judgement that was closed goes on where it was */
  const isShown = (pair) => pair.every((each) => !each.closest(".provider").hidden);
  const allPairs = () => {
    const found = [];
    pictures.forEach((a, index) => {
      for (const b of pictures.slice(index + 1)) {
        const same = a.dataset.scenario === b.dataset.scenario && a.dataset.variation === b.dataset.variation;
        if (same && a.dataset.provider !== b.dataset.provider) found.push(below(2) ? [a, b] : [b, a]);
      }
    });
    for (let last = found.length - 1; last > 0; last--) {
      const other = below(last + 1);
      [found[last], found[other]] = [found[other], found[last]];
    }
    return found;
  };
  const ask = () => {
    const pair = pairs[votes.length];
    one("question").hidden = !pair;
    one("answer").hidden = Boolean(pair);
    one("count").textContent = `${Math.min(votes.length + 1, pairs.length)} of ${pairs.length}`;
    if (pair) {
      [one("left").src, one("right").src] = pair.map(source);
    } else {
      const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
      const lines = votes.map(({ pair: [left, right], vote }) =>
        [left.dataset.scenario, left.dataset.variation, left.dataset.provider, right.dataset.provider, vote].map(quoted).join(","),
      );
      const text = ["scenario,variation,left,right,vote", ...lines, ""].join("\r\n");
      one("votes").href = `data:text/csv;charset=utf-8,${encodeURIComponent(text)}`;
      one("votes").focus();
    }
  };
  const vote = (which) => {
    if (votes.length < pairs.length) votes.push({ pair: pairs[votes.length], vote: which });
    saved = false;
    ask();
  };
  const undo = () => {
    votes.pop();
    ask();
  };
  one("blind").disabled = !allPairs().some(isShown);
  one("blind").addEventListener("click", () => {
    if (saved) [queue, votes] = [allPairs(), []];
    const judged = votes.map((each) => each.pair);
    pairs = [...judged, ...queue.filter((pair) => isShown(pair) && !judged.includes(pair))];
    if (references.length) one("model").src = references[0].source;
    one("model").hidden = references.length === 0;
    judge.showModal();
    ask();
  });
  for (const button of all("[data-vote]", judge)) button.addEventListener("click", () => vote(button.dataset.vote));
  one("undo").addEventListener("click", undo);
  one("votes").addEventListener("click", () => {
    saved = true;
  });
  judge.addEventListener("keydown", (event) => {
    if (event.repeat) return; /* a key that is held is one vote */
    const which = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "equal" }[event.key];
    if (which) vote(which);
    if (event.key === "Backspace") undo();
  });
  for (const dialog of [viewer, judge]) {
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  }
})();
