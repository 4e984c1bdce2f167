"use strict";
const figures = JSON.parse(document.getElementById("figures").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Returns the 3D view from further away where the window is narrow, so that nothing is cut off at its sides. */
function fitted(camera) {
  const further = Math.max(1, Math.min(2.6, 1000 / document.body.clientWidth));
  const eye = Object.fromEntries(Object.entries(camera.eye).map(([k, v]) => [k, camera.center[k] + further * (v - camera.center[k])]));
  return {...camera, eye};
}

/** Returns the figure's layout in the colours of the page. */
function coloured(layout) {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim(), rule = style.getPropertyValue("--rule").trim();
  const paint = (axes) => Object.fromEntries(Object.entries(axes).map(([key, value]) =>
    /^[xyz]axis\d*$/.test(key) ? [key, {gridcolor: rule, linecolor: rule, zerolinecolor: rule, ...value}] : [key, value]));
  const font = {color: ink, size: 13, family: getComputedStyle(document.body).fontFamily};
  const painted = {dragmode: false, ...paint(layout), font,
    modebar: {bgcolor: "rgba(0,0,0,0)", color: rule, activecolor: ink}, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)"};
  if (layout.scene) {
    const annotations = layout.scene.annotations.map((note) => ({...note, font}));
    painted.height = Math.min(layout.height, 180 + 0.7 * document.body.clientWidth);
    painted.scene = {...paint(layout.scene), annotations, camera: fitted(layout.scene.camera)};
  }
  return painted;
}

function draw() {
  for (const [id, figure] of Object.entries(figures)) {
    const buttons = figure.layout.scene ? ["toImage", "resetCameraDefault3d"] : ["toImage"];
    Plotly.react(id, figure.data, coloured(figure.layout), {responsive: true, displaylogo: false, modeBarButtons: [buttons]});
  }
}
draw();
dark.addEventListener("change", draw);
