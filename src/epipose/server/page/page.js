// The page: what is looked at, what is seen in it, and what becomes of it.

import {Live, headers} from "./camera.js";
import {Figure, bonesOf, colours} from "./figure.js";
import {Recording} from "./recording.js";

const of = (id) => document.getElementById(id);
const video = of("video"), overlay = of("overlay"), figure = new Figure(of("figure"));
const HINGES = [["Elbow", "shoulder", "elbow", "wrist"], ["Shoulder", "elbow", "shoulder", "hip"],
  ["Hip", "shoulder", "hip", "knee"], ["Knee", "hip", "knee", "ankle"]];
const LONGEST_PICTURE = 1600, PATIENCE_MS = 2000;
let live = null, recording = null, bones = [], skeleton = null, moments = [], shown = 0, picture = null;

function say(words, wrong = false) {
  if (of("status").textContent !== words) of("status").textContent = words; // it is read aloud when it changes
  of("status").classList.toggle("wrong", wrong);
}

/** What the server answers; throws a sentence if that is no answer. */
async function ask(path, request = {}) {
  const answer = await fetch(path, {...request, headers: headers(request.headers)}).catch(() => {
    throw new Error("the server does not answer");
  });
  if (answer.status === 401) throw new Error("open the page with the address that epipose serve prints; it ends with the token");
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer;
}

async function listModels() {
  const answer = await ask("v1/models");
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
    stream.getVideoTracks()[0].addEventListener("ended", () => { stop(); say("The camera was taken away.", true); });
    await start(() => { video.srcObject = stream; });
  } catch (error) {
    const reasons = {NotFoundError: "There is no camera", NotAllowedError: "The camera may not be used; allow it in the browser",
      NotReadableError: "The camera cannot be read; perhaps another program uses it"};
    say(`${reasons[error.name] ?? `The camera cannot be used (${error.message})`}. A video or a picture will do, too.`, true);
  }
}

async function useFile(file) {
  if (file.type.startsWith("image/")) return usePicture(file);
  await start(() => { video.src = URL.createObjectURL(file); video.loop = true; }).catch(() =>
    say(`${file.name} cannot be played by this browser; an MP4 with H.264 can.`, true));
}

/** Shows a picture as the server gets it: upright, of no more pixels than are of use, whatever kind of file it was. */
async function usePicture(file) {
  stop();
  say("Looking...");
  const mine = shown;
  try {
    const image = await createImageBitmap(file, {imageOrientation: "from-image"}).catch(() => {
      throw new Error(`${file.name} cannot be shown by this browser`);
    });
    const scale = Math.min(1, LONGEST_PICTURE / Math.max(image.width, image.height));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height].map((side) => Math.max(1, Math.round(scale * side)));
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const content = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
    const answer = await ask(`v1/poses?model=${encodeURIComponent(of("model").value)}`,
      {method: "POST", headers: {"Content-Type": "image/jpeg"}, body: content});
    const found = await answer.json();
    if (mine !== shown) return; // something else is shown by now
    hello(found);
    video.poster = picture = URL.createObjectURL(content);
    show(found.frames[0]);
    say(found.frames[0].people.length ? "Done." : "Nobody was found.");
  } catch (error) {
    if (mine === shown) say(`The picture was not looked at: ${error.message}.`, true);
  }
}

async function start(source) {
  stop();
  const mine = shown;
  source();
  try {
    await video.play();
  } catch (error) {
    if (mine !== shown) return; // something else was begun
    throw error;
  }
  connect();
  of("stop").disabled = of("record").disabled = false;
  say("Looking for people...");
}

/** Has what the video shows looked at; begins again if the server is gone for a while. */
function connect() {
  const mine = shown;
  live = new Live(video, of("model").value, {hello, seen, ended: async (reason) => {
    if (reason) { stop(); say(`Stopped: ${reason}.`, true); return; }
    if (recording !== null) endRecording();
    clear();
    say("The connection to the server was lost, or it has no room. Trying again...", true);
    await new Promise((done) => setTimeout(done, PATIENCE_MS));
    if (mine === shown) connect();
  }});
}

function useModel() {
  if (live === null) return;
  if (recording !== null) endRecording();
  live.close();
  clear();
  connect();
  say("Looking for people...");
}

/** Shows nobody. */
function clear() {
  figure.show([], []);
  overlay.getContext("2d").clearRect(0, 0, overlay.width, overlay.height);
  overlay.dataset.people = 0;
  showAngles(undefined);
  moments = [];
  for (const id of ["rate", "delay", "people"]) of(id).textContent = "-";
}

function stop() {
  shown += 1;
  if (recording !== null) endRecording();
  live?.close();
  live = null;
  video.pause();
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  if (video.src) URL.revokeObjectURL(video.src);
  if (picture !== null) URL.revokeObjectURL(picture);
  picture = video.srcObject = null;
  for (const name of ["src", "poster"]) video.removeAttribute(name);
  video.load();
  clear();
  of("stop").disabled = of("record").disabled = true;
}

function hello(told) {
  skeleton = told.skeleton;
  bones = bonesOf(skeleton);
}

function seen(answer, seconds, frame) {
  const now = performance.now();
  moments = [...moments.filter((moment) => now - moment < 2000), now];
  if (moments.length > 1) of("rate").textContent = ((moments.length - 1) / (now - moments[0]) * 1000).toFixed(1);
  of("delay").textContent = `${Math.round(1000 * seconds)} ms`;
  say(answer.people.length ? "Somebody is there." : "Nobody is seen. Step back until all of you is in the picture.");
  show(answer, frame);
  recording?.add(answer);
  if (recording?.full) { endRecording(); say("The recording is full. Download it, then record on."); }
}

/** Shows who was found, in the frame in which they were: a video is further on by now. */
function show({people, size_wh}, frame = null) {
  figure.show(people, bones);
  showOverlay(people, size_wh, frame);
  showAngles(people[0]);
  of("people").textContent = people.length;
}

function showOverlay(people, [width, height], frame) {
  if (overlay.width !== width || overlay.height !== height) [overlay.width, overlay.height] = [width, height];
  const pen = overlay.getContext("2d"), colour = colours();
  pen.clearRect(0, 0, width, height);
  if (frame !== null) pen.drawImage(frame, 0, 0, width, height);
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
of("file").addEventListener("change", ({target}) => {
  const [file] = target.files;
  if (file) useFile(file);
  target.value = ""; // so that the same file can be opened again
});
of("model").addEventListener("change", useModel);
of("stop").addEventListener("click", () => { stop(); say("Stopped."); });
of("record").addEventListener("click", () => recording === null ? beginRecording() : endRecording());
of("controls").addEventListener("submit", (event) => event.preventDefault());
listModels().catch((error) => say(`This cannot be used yet: ${error.message}.`, true));
