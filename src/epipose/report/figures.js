"use strict";
const figures = JSON.parse(document.getElementById("figures").textContent);
const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)"), paper = matchMedia("print");
const touch = matchMedia("(pointer: coarse)").matches;
const solid = knowsWebGL();
/** Half of what A4 and Letter leave between the margins, and what they leave under a heading, in CSS pixels. */
const PAPER_WIDTH = 330, PAPER_HEIGHT = 820;
let printing = false;

function knowsWebGL() {
  const canvas = document.createElement("canvas");
  return Boolean(canvas.getContext("webgl") || canvas.getContext("webgl2"));
}

/** Returns how high the 3D view is in this window. */
function height3d() { return Math.min(620, 0.9 * document.body.clientWidth); }

/** Returns the 3D view from further away where the window is narrow, so that nothing is cut off at its sides. */
function fitted(camera) {
  const further = Math.max(1, 2 * height3d() / document.body.clientWidth);
  const eye = Object.fromEntries(Object.entries(camera.eye).map(([k, v]) => [k, camera.center[k] + further * (v - camera.center[k])]));
  return {...camera, eye};
}

/** Returns the figure's layout in the colours of the page, and on paper in its size. */
function fitting(layout) {
  const style = getComputedStyle(root);
  const ink = style.getPropertyValue("--ink").trim(), rule = style.getPropertyValue("--rule").trim();
  const paint = (axes) => Object.fromEntries(Object.entries(axes).map(([key, value]) =>
    /^[xyz]axis\d*$/.test(key) ? [key, {gridcolor: rule, linecolor: rule, zerolinecolor: rule, ...value}] : [key, value]));
  const font = {color: ink, size: printing ? 11 : 13, family: getComputedStyle(document.body).fontFamily};
  const painted = {dragmode: false, ...paint(layout), font,
    modebar: {bgcolor: "rgba(0,0,0,0)", color: rule, activecolor: ink}, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)"};
  if (layout.scene) {
    const annotations = layout.scene.annotations.map((note) => ({...note, font}));
    painted.height = height3d();
    painted.scene = {...paint(layout.scene), annotations, camera: fitted(layout.scene.camera)};
  }
  if (printing) Object.assign(painted, {width: PAPER_WIDTH, height: Math.min(0.8 * layout.height, PAPER_HEIGHT)});
  // A map keeps its proportions: more height than width would be left white.
  if (layout.yaxis?.scaleanchor) painted.height = Math.min(layout.height, printing ? 0.85 * PAPER_WIDTH : document.body.clientWidth);
  return painted;
}

function draw() {
  for (const [id, figure] of Object.entries(figures)) {
    if (figure.layout.scene && (printing || !solid)) continue;
    const buttons = figure.layout.scene ? ["toImage", "resetCameraDefault3d"] : ["toImage"];
    // On a touch screen a picture of the figure is a screenshot away, and the buttons are too small for a finger.
    Plotly.react(id, figure.data, fitting(figure.layout),
      {responsive: true, displaylogo: false, displayModeBar: !touch && "hover", modeBarButtons: [buttons]});
  }
}

/** Draws figures for paper and opens what is folded up, or puts everything back. */
function turn(toPaper) {
  if (toPaper === printing) return;
  printing = toPaper;
  root.classList.toggle("printing", printing);
  for (const details of document.querySelectorAll(printing ? "details:not([open])" : "details.unfolded")) {
    details.open = printing;
    details.classList.toggle("unfolded", printing);
  }
  draw();
}

root.classList.toggle("webgl", solid);
draw();
dark.addEventListener("change", draw);
addEventListener("beforeprint", () => turn(true));
addEventListener("afterprint", () => turn(false));
paper.addEventListener("change", (event) => turn(event.matches));
