// The page: what is looked at, what is seen in it, and what becomes of it.

import {Live, headers} from "./camera.js";
import {Figure, bonesOf, colours} from "./figure.js";
import {Recording} from "./recording.js";

const of = (id) => document.getElementById(id);
const video = of("video"), overlay = of("overlay"), figure = new Figure(of("figure"));
const HINGES = [["Elbow", "shoulder", "elbow", "wrist"], ["Shoulder", "elbow", "shoulder", "hip"],
  ["Hip", "shoulder", "hip", "knee"], ["Knee", "hip", "knee", "ankle"]];
let live = null, recording = null, bones = [], skeleton = null, moments = [];

function say(words, wrong = false) {
  of("status").textContent = words;
  of("status").classList.toggle("wrong", wrong);
}

async function listModels() {
  const answer = await fetch("v1/models", {headers: headers()});
  if (!answer.ok) throw new Error((await answer.json()).detail);
  for (const {name, measure} of await answer.json()) {
    of("model").add(new Option(name, name));
    of("model").options[of("model").length - 1].title = measure;
  }
}

async function useCamera() {
  if (!navigator.mediaDevices) {
    say("Browsers show a camera to pages of this computer, or over HTTPS, only. Open the page as localhost, or a file.", true);
    return;
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 1280}, height: {ideal: 720}}});
    await start(() => { video.srcObject = stream; });
  } catch (error) {
    const reasons = {NotFoundError: "There is no camera", NotAllowedError: "The camera may not be used; allow it in the browser",
      NotReadableError: "Another program uses the camera"};
    say(`${reasons[error.name] ?? `The camera cannot be used (${error.message})`}. A video or a picture will do, too.`, true);
  }
}

async function useFile(file) {
  if (file.type.startsWith("image/")) return usePicture(file);
  await start(() => { video.src = URL.createObjectURL(file); video.loop = true; }).catch(() =>
    say(`${file.name} cannot be played by this browser; an MP4 with H.264 can.`, true));
}

async function usePicture(file) {
  stop();
  say("Looking...");
  const answer = await fetch(`v1/poses?model=${encodeURIComponent(of("model").value)}`,
    {method: "POST", headers: headers({"Content-Type": file.type}), body: file});
  const found = await answer.json();
  if (!answer.ok) return say(found.detail, true);
  hello(found);
  const [frame] = found.frames;
  video.poster = URL.createObjectURL(file);
  show(frame, 1);
  say(frame.people.length ? "Done." : "Nobody was found.");
}

async function start(source) {
  stop();
  source();
  video.removeAttribute("poster");
  await video.play();
  live = new Live(video, of("model").value, {hello, seen, ended: (reason) => { stop(); say(`Stopped: ${reason}.`, true); }});
  of("stop").disabled = of("record").disabled = false;
  say("Looking for people...");
}

function stop() {
  if (recording !== null) endRecording();
  live?.close();
  live = null;
  video.pause();
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  if (video.src) URL.revokeObjectURL(video.src);
  video.srcObject = null;
  video.removeAttribute("src");
  video.load();
  figure.show([], []);
  overlay.getContext("2d").clearRect(0, 0, overlay.width, overlay.height);
  moments = [];
  of("stop").disabled = of("record").disabled = true;
  for (const id of ["rate", "delay", "people"]) of(id).textContent = "-";
}

function hello(told) {
  skeleton = told.skeleton;
  bones = bonesOf(skeleton);
}

function seen(answer, seconds, scale) {
  const now = performance.now();
  moments = [...moments.filter((moment) => now - moment < 2000), now];
  if (moments.length > 1) of("rate").textContent = ((moments.length - 1) / (now - moments[0]) * 1000).toFixed(1);
  of("delay").textContent = `${Math.round(1000 * seconds)} ms`;
  of("people").textContent = answer.people.length;
  say(answer.people.length ? "Somebody is there." : "Nobody is seen. Step back until all of you is in the picture.");
  recording?.add(answer);
  show(answer, scale);
}

function show({people, size_wh}, scale) {
  figure.show(people, bones);
  showOverlay(people, size_wh);
  showAngles(people[0]);
}

function showOverlay(people, [width, height]) {
  if (overlay.width !== width || overlay.height !== height) [overlay.width, overlay.height] = [width, height];
  const pen = overlay.getContext("2d"), colour = colours();
  pen.clearRect(0, 0, width, height);
  pen.lineCap = "round";
  for (const person of people) {
    const thick = Math.max(2, (person.square_px[2] - person.square_px[0]) / 70);
    for (const [extra, paint] of [[thick, () => "rgba(0, 0, 0, 0.45)"], [0, (side) => colour[side]]]) {
      pen.lineWidth = thick + extra;
      for (const {from, to, side} of bones) {
        if (!(person.confidence[from] > 0.05 && person.confidence[to] > 0.05)) continue;
        pen.strokeStyle = paint(side);
        pen.beginPath();
        pen.moveTo(person.pixels[from][0] + 0.5, person.pixels[from][1] + 0.5);
        pen.lineTo(person.pixels[to][0] + 0.5, person.pixels[to][1] + 0.5);
        pen.stroke();
      }
    }
  }
  overlay.dataset.people = people.length;
}

/** The angle at a joint between two others, in degrees; null where one of them is not known. */
function angle(person, names) {
  const numbers = names.map((name) => skeleton.joint_names.indexOf(name));
  if (numbers.some((number) => number < 0 || !(person.confidence[number] > 0))) return null;
  const [a, b, c] = numbers.map((number) => person.positions_m[number]);
  const [to, other] = [a, c].map((end) => end.map((value, axis) => value - b[axis]));
  const inner = to.reduce((sum, value, axis) => sum + value * other[axis], 0);
  return Math.acos(Math.max(-1, Math.min(1, inner / (Math.hypot(...to) * Math.hypot(...other))))) * 180 / Math.PI;
}

function showAngles(person) {
  for (const [index, [, ...names]] of HINGES.entries()) {
    for (const [column, side] of ["left", "right"].entries()) {
      const degrees = person ? angle(person, names.map((name) => `${side}_${name}`)) : null;
      of("angles").tBodies[0].rows[index].cells[column + 1].textContent = degrees === null ? "-" : degrees.toFixed(0);
    }
  }
}

function beginRecording() {
  recording = new Recording(of("model").value);
  of("recorded").hidden = true;
  of("record").setAttribute("aria-pressed", "true");
  of("record").textContent = "Stop recording";
}

function endRecording() {
  const done = recording;
  recording = null;
  of("record").setAttribute("aria-pressed", "false");
  of("record").textContent = "Record";
  of("recorded").hidden = !done.frames.length;
  if (!done.frames.length) return say("Nothing was recorded.");
  of("recorded-words").textContent = `Recorded ${done.words}`;
  for (const button of of("recorded").querySelectorAll("button")) {
    button.onclick = () => done.download(button.dataset.format).catch((error) => say(error.message, true));
  }
}

for (const [name] of HINGES) {
  const row = of("angles").tBodies[0].insertRow();
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  row.append(head);
  for (let column = 0; column < 2; column++) row.insertCell().textContent = "-";
}
of("camera").addEventListener("click", useCamera);
of("file").addEventListener("change", (event) => { if (event.target.files.length) useFile(event.target.files[0]); });
of("stop").addEventListener("click", () => { stop(); say("Stopped."); });
of("record").addEventListener("click", () => recording === null ? beginRecording() : endRecording());
of("controls").addEventListener("submit", (event) => event.preventDefault());
listModels().catch((error) => say(`The server cannot be used: ${error.message}.`, true));
