"use strict";
const {frames, times, moving, speed, closeup, layout} = figures.playback;
const play = document.getElementById("play"), seek = document.getElementById("seek"), clock = document.getElementById("clock");
let started = null, drawing = false;

/** Shows one frame; while an earlier one is still being drawn, frames are skipped. */
async function show(index) {
  clock.value = times[index].toFixed(2) + " s";
  seek.value = index;
  if (drawing) return;
  drawing = true;
  const lines = frames[index];
  await Plotly.restyle("playback", {x: lines.map((l) => l.x), y: lines.map((l) => l.y), z: lines.map((l) => l.z)}, moving);
  drawing = false;
}

function tick(now) {
  if (started === null) return;
  const time = (now - started) / 1000 * speed % (times[times.length - 1] + 0.5 * speed);
  let index = times.findIndex((t) => t > time) - 1;
  if (index < 0) index = times.length - 1;
  if (index !== Number(seek.value)) show(index);
  requestAnimationFrame(tick);
}

function pause() { started = null; play.textContent = "Play"; }
play.addEventListener("click", () => {
  if (started !== null) return pause();
  started = performance.now() - times[Number(seek.value)] * 1000 / speed;
  play.textContent = "Pause";
  requestAnimationFrame(tick);
});
const closer = document.getElementById("closer");
closer.addEventListener("click", () => {
  const near = closer.getAttribute("aria-pressed") !== "true";
  closer.setAttribute("aria-pressed", near);
  closer.textContent = near ? "Whole scene" : "Close up";
  Plotly.relayout("playback", {"scene.camera": fitted(near ? closeup : layout.scene.camera)});
});
seek.addEventListener("input", () => { pause(); show(Number(seek.value)); });
if (solid && times.length) { seek.max = times.length - 1; show(0); } else { play.disabled = seek.disabled = true; }
