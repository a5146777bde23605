"use strict";
(() => {
  const tip = document.getElementById("tip");

  const show = (handler, event, item, value) => {
    // Vega-Lite looks for the field in the wrong place where the point is the nearest one: its row is a level deeper.
    const row = item && item.datum && (item.datum.datum || item.datum);
    const text = value && row ? row.tip : "";
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    const right = event.clientX + 16 + tip.offsetWidth > window.innerWidth;
    const low = event.clientY + 16 + tip.offsetHeight > window.innerHeight;
    tip.style.left = (right ? event.clientX - 12 - tip.offsetWidth : event.clientX + 16) + "px";
    tip.style.top = (low ? event.clientY - 12 - tip.offsetHeight : event.clientY + 16) + "px";
  };

  for (const figure of document.querySelectorAll("figure[data-chart]")) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const plot = figure.querySelector(".plot");
    const options = { mode: "vega", renderer: "svg", actions: false, defaultStyle: false, tooltip: show };
    vegaEmbed(plot, spec, options).then(() => figure.setAttribute("data-drawn", ""));
  }

  for (const command of document.querySelectorAll(".command")) {
    if (!navigator.clipboard) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "copy";
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(command.querySelector("code").textContent).then(() => {
        button.textContent = "copied";
        setTimeout(() => { button.textContent = "copy"; }, 1500);
      });
    });
    command.append(button);
  }
})();
