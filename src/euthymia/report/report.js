"use strict";
// Draws the figures, makes tables sortable and searchable, marks the section being read.
(() => {
  const options = { responsive: true, displaylogo: false,
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
    toImageButtonOptions: { format: "svg" } };
  const plots = [];
  for (const node of document.querySelectorAll("script[data-figure]")) {
    const place = document.getElementById(node.dataset.figure);
    const spec = JSON.parse(node.textContent);
    Plotly.newPlot(place, spec.data, spec.layout, options);
    plots.push(place);
  }
  document.documentElement.dataset.drawn = String(plots.length);

  const wide = 690; // CSS pixels between the margins of an A4 page
  addEventListener("beforeprint", () => plots.forEach((p) => Plotly.relayout(p, { width: wide })));
  addEventListener("afterprint", () => plots.forEach((p) => Plotly.relayout(p, { width: null, autosize: true })));

  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    table.querySelectorAll("thead th").forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        table.querySelectorAll("thead th").forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
        const order = (a, b) => {
          const [x, y] = [key(a), key(b)], [p, q] = [Number(x), Number(y)];
          return x !== "" && y !== "" && !isNaN(p) && !isNaN(q) ? p - q : x.localeCompare(y, "en");
        };
        const rows = [...body.rows].sort(order);
        body.append(...(down ? rows.reverse() : rows));
      });
    });
  }

  const search = document.getElementById("parameter-search"), grade = document.getElementById("parameter-grade");
  if (search) {
    const rows = [...document.querySelectorAll("table.parameters tbody tr")];
    const told = rows.map((r) => r.textContent.toLowerCase());
    const shown = document.getElementById("parameter-count");
    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      rows.forEach((row, i) => {
        const fits = words.every((w) => told[i].includes(w)) &&
          (!grade.value || row.querySelector(".grade").textContent.trim() === grade.value);
        row.hidden = !fits;
        count += fits;
      });
      shown.textContent = `${count} parameter${count === 1 ? "" : "s"}`;
    };
    search.addEventListener("input", filter);
    grade.addEventListener("change", filter);
  }

  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const watch = new IntersectionObserver((seen) => {
    for (const entry of seen) {
      const link = links.get(entry.target.getAttribute("aria-labelledby"));
      if (link && entry.isIntersecting) {
        links.forEach((a) => { a.classList.remove("here"); a.removeAttribute("aria-current"); });
        link.classList.add("here");
        link.setAttribute("aria-current", "true");
      }
    }
  }, { rootMargin: "0px 0px -70% 0px" });
  document.querySelectorAll("main section").forEach((s) => watch.observe(s));
})();
