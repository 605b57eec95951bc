/* What a reader can do with a page: tips on marks, columns to sort by, rows to open, series to hide. */
(function () {
  "use strict";
  var tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.appendChild(tip);
  document.addEventListener("pointermove", function (event) {
    var mark = event.target.closest("[data-tip]");
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.getAttribute("data-tip");
    var room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = Math.max(4, Math.min(event.clientX + 12, room)) + window.scrollX + "px";
    tip.style.top = event.clientY + window.scrollY + 16 + "px";
  });
  function value(row, column) {
    var cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent : cell.dataset.v === "" ? -Infinity : +cell.dataset.v;
  }
  function sort(head) {
    var body = head.closest("table").tBodies[0], column = head.cellIndex, pairs = [];
    Array.from(body.rows).forEach(function (row) {
      if (row.classList.contains("more")) pairs[pairs.length - 1].push(row);
      else pairs.push([row]);
    });
    var up = head.getAttribute("aria-sort") === "descending";
    Array.from(head.parentNode.cells).forEach(function (cell) { cell.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    pairs.sort(function (a, b) {
      var x = value(a[0], column), y = value(b[0], column);
      var order = typeof x === "number" ? x - y : x.localeCompare(y, document.documentElement.lang, { numeric: true });
      return up ? order : -order;
    });
    pairs.forEach(function (pair) { pair.forEach(function (row) { body.appendChild(row); }); });
  }
  document.addEventListener("click", function (event) {
    var head = event.target.closest("table.sort thead tr:last-child th"), key = event.target.closest("[data-toggle]");
    var opens = event.target.closest("tr.opens");
    if (head) sort(head);
    else if (key) {
      var off = key.classList.toggle("off");
      key.closest("svg").querySelectorAll("[data-series]").forEach(function (series) {
        if (series.dataset.series === key.dataset.toggle) series.style.display = off ? "none" : "";
      });
    } else if (opens && !event.target.closest("a")) opens.classList.toggle("open");
  });
})();
