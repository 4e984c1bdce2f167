// What was seen while it was recorded, as files of other programs.

import {headers} from "./camera.js";

const MOST_FRAMES = 36000;

export class Recording {
  constructor(model) {
    this.model = model;
    this.frames = [];
  }

  /** Keeps what was seen in a frame. */
  add({index, time_s, size_wh, people}) {
    if (this.frames.length < MOST_FRAMES) this.frames.push({index, time_s, size_wh, people});
  }

  get words() {
    const first = this.frames[0], last = this.frames.at(-1);
    const shown = this.frames.filter((frame) => frame.people.length).length;
    return `${this.frames.length} frames in ${(last.time_s - first.time_s).toFixed(1)} s, somebody in ${shown} of them.`;
  }

  /** Has the server write a file, and lets the browser save it; throws with a sentence where that fails. */
  async download(format) {
    const answer = await fetch(`v1/export?format=${format}`, {
      method: "POST",
      headers: headers({"Content-Type": "application/json"}),
      body: JSON.stringify({model: this.model, frames: this.frames}),
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
