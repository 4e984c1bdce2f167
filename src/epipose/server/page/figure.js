// The person in 3D, on a canvas that turns.

const FAR = 4.5; // metres from which it is looked at
const FLOOR = 1.0; // metres below the hips, where the feet of a standing person are

/** The bones of a skeleton as pairs of joint numbers, with the side that each is on. */
export function bonesOf(skeleton) {
  const number = new Map(skeleton.joint_names.map((name, index) => [name, index]));
  const side = (name) => skeleton.left.includes(name) ? "left" : skeleton.right.includes(name) ? "right" : "middle";
  return skeleton.parents.flatMap((parent, joint) => parent === null ? [] :
    [{from: number.get(parent), to: joint, side: side(skeleton.joint_names[joint])}]);
}

/** The colours of both sides on today's paper. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {left: of("left"), right: of("right"), middle: of("soft"), rule: of("rule")};
}

export class Figure {
  /** Draws into a canvas; it turns by itself until somebody turns it. */
  constructor(canvas) {
    this.canvas = canvas;
    this.azimuth = 0.5;
    this.elevation = 0.15;
    this.turning = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.people = [];
    this.bones = [];
    this.#listen();
    this.latest = performance.now();
    const step = (now) => {
      if (this.turning) this.azimuth += 0.4 * Math.min(0.1, (now - this.latest) / 1000);
      this.latest = now;
      this.draw();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  /** Shows these people, whose bones are known. */
  show(people, bones) {
    this.people = people;
    this.bones = bones;
  }

  #listen() {
    const canvas = this.canvas;
    canvas.addEventListener("pointerdown", (event) => { this.turning = false; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons) this.turn(event.movementX / 150, event.movementY / 150);
    });
    canvas.addEventListener("keydown", (event) => {
      const turns = {ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1]};
      if (event.key === " ") this.turning = !this.turning;
      else if (event.key in turns) { this.turning = false; this.turn(...turns[event.key]); }
      else return;
      event.preventDefault();
    });
  }

  turn(aside, up) {
    this.azimuth += aside;
    this.elevation = Math.max(-0.3, Math.min(1.4, this.elevation + up));
  }

  /** Where on the canvas a point is that is so many metres right of, below and behind the hips. */
  place([x, y, z]) {
    const [ca, sa, ce, se] = [Math.cos(this.azimuth), Math.sin(this.azimuth), Math.cos(this.elevation), Math.sin(this.elevation)];
    const [across, away] = [ca * x + sa * z, ca * z - sa * x];
    const [down, depth] = [ce * y + se * away, FAR + ce * away - se * y];
    const scale = 1.9 * this.canvas.height / Math.max(0.5, depth);
    return [this.canvas.width / 2 + scale * across, this.canvas.height / 2 + scale * down, depth];
  }

  draw() {
    const {canvas} = this, ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const pen = canvas.getContext("2d"), colour = colours();
    pen.clearRect(0, 0, width, height);
    this.#floor(pen, colour.rule, ratio);
    for (const person of this.people) this.#person(pen, person, colour, ratio);
    canvas.dataset.azimuth = this.azimuth.toFixed(3);
  }

  #floor(pen, colour, ratio) {
    pen.strokeStyle = colour;
    pen.lineWidth = ratio;
    pen.beginPath();
    for (let at = -1.5; at <= 1.5; at += 0.5) {
      for (const [from, to] of [[[at, FLOOR, -1.5], [at, FLOOR, 1.5]], [[-1.5, FLOOR, at], [1.5, FLOOR, at]]]) {
        pen.moveTo(...this.place(from).slice(0, 2));
        pen.lineTo(...this.place(to).slice(0, 2));
      }
    }
    pen.stroke();
  }

  #person(pen, person, colour, ratio) {
    const points = person.positions_m.map((joint) => this.place(joint));
    const seen = this.bones.filter(({from, to}) => person.confidence[from] > 0 && person.confidence[to] > 0);
    // What is farther away is drawn first.
    seen.sort((one, other) => points[other.from][2] + points[other.to][2] - points[one.from][2] - points[one.to][2]);
    pen.lineCap = "round";
    for (const {from, to, side} of seen) {
      const [a, b] = [points[from], points[to]];
      pen.strokeStyle = colour[side];
      pen.lineWidth = 32 * ratio / (a[2] + b[2]) * 1.6;
      pen.beginPath();
      pen.moveTo(a[0], a[1]);
      pen.lineTo(b[0], b[1]);
      pen.stroke();
    }
  }
}
