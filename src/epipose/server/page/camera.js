// A live socket: one frame is on its way at a time, so that answers never fall behind the camera.

const PROTOCOL = "epipose.v1", LONGEST_SIDE = 960, QUALITY = 0.85;

/** The token that the page's address ends with; it is never sent in an address. */
export const token = new URLSearchParams(location.hash.slice(1)).get("token");

/** What requests of this page say to be answered. */
export function headers(more = {}) {
  return token === null ? more : {...more, Authorization: `Bearer ${token}`};
}

/** The token as a browser's socket can say it. */
function protocols() {
  if (token === null) return [PROTOCOL];
  const text = btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return [PROTOCOL, `bearer.${text}`];
}

export class Live {
  /** Sends what `video` shows, whenever the last frame was answered, and hands answers to `seen`, with the frame.
   *
   * `ended` is told why the server closed the socket; nothing if it did not say, as when it is gone. */
  constructor(video, model, {seen, hello, ended}) {
    this.video = video;
    this.canvas = document.createElement("canvas");
    this.sent = new Map();
    this.closed = false;
    this.count = 0;
    const place = new URL("v1/live", location.href);
    place.protocol = place.protocol.replace("http", "ws");
    place.hash = "";
    this.socket = new WebSocket(place, protocols());
    this.socket.addEventListener("open", () => { this.socket.send(JSON.stringify({model})); this.#send(); });
    this.socket.addEventListener("close", (event) => { if (!this.closed) ended(event.reason); });
    this.socket.addEventListener("message", (event) => {
      const answer = JSON.parse(event.data);
      if (answer.type === "hello") return hello(answer);
      const since = this.sent.get(answer.index);
      this.sent.clear();
      if (answer.type === "frame") seen(answer, (performance.now() - since) / 1000, this.canvas);
      this.#send();
    });
  }

  close() {
    this.closed = true;
    this.socket.close();
  }

  /** Sends the next frame as soon as the video shows one. */
  #send() {
    if (this.closed || this.socket.readyState !== WebSocket.OPEN) return;
    const {video, canvas} = this, longest = Math.max(video.videoWidth, video.videoHeight);
    if (video.paused || video.ended || !longest) { setTimeout(() => this.#send(), 50); return; }
    const scale = Math.min(1, LONGEST_SIDE / longest);
    [canvas.width, canvas.height] = [Math.round(scale * video.videoWidth), Math.round(scale * video.videoHeight)];
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => {
      if (this.closed || blob === null || this.socket.readyState !== WebSocket.OPEN) return;
      this.sent.set(this.count++, performance.now());
      this.socket.send(blob);
    }, "image/jpeg", QUALITY);
  }
}
