// What was seen while it was recorded, as files of other programs.

import {headers} from "./camera.js";

const MOST_CHARACTERS = 20e6, MOST_FRAMES = 36000; // the server takes 25 MB, and as many frames of one person

export class Recording {
  constructor(model) {
    this.model = model;
    this.frames = []; // as they are sent
    this.characters = this.shown = this.first = this.last = this.most = 0;
  }

  /** Keeps what was seen in a frame. */
  add({time_s, people}) {
    const kept = people.map(({id, positions_m, confidence, sigma_m}) => ({id, positions_m, confidence, sigma_m}));
    const text = JSON.stringify({time_s, people: kept});
    if (!this.frames.length) this.first = time_s;
    this.last = time_s;
    this.shown += people.length > 0;
    this.most = Math.max(this.most, ...people.map(({id}) => id));
    this.frames.push(text);
    this.characters += text.length;
  }

  /** Whether the server takes no more in one file. */
  get full() {
    return this.characters > MOST_CHARACTERS || (this.frames.length + 1) * Math.max(1, this.most) > MOST_FRAMES;
  }

  get words() {
    return `${this.frames.length} frames in ${(this.last - this.first).toFixed(1)} s, somebody in ${this.shown} of them.`;
  }

  /** Has the server write a file, and lets the browser save it; throws with a sentence where that fails. */
  async download(format) {
    const answer = await fetch(`v1/export?format=${format}`, {
      method: "POST",
      headers: headers({"Content-Type": "application/json"}),
      body: `{"model": ${JSON.stringify(this.model)}, "frames": [${this.frames.join(",")}]}`,
    });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition"))[1];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }
}
