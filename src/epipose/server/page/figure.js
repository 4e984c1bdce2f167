// The person in 3D, on a canvas that turns.

const FAR = 4.2; // metres from which it is looked at
const BESIDE = 1.1; // metres between people: what stands between them in truth is not known
const HALF = 0.85, SOLE = 0.08; // metres from the floor to a person's middle, and to an ankle

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
    this.floor = 0.95; // metres below the hips
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

  /** Shows these people, whose bones are known: each upon the floor, in the order in which they stand in the picture. */
  show(people, bones) {
    const lowest = people.map(({positions_m, confidence}) =>
      Math.max(0.3, ...positions_m.filter((_, joint) => confidence[joint] > 0.05).map(([, y]) => y)));
    if (people.length) this.floor += (Math.max(...lowest) + SOLE - this.floor) * (this.people.length ? 0.15 : 1);
    const middle = ({square_px: [left, , right]}) => left + right;
    const order = people.map((_, index) => index).sort((one, other) => middle(people[one]) - middle(people[other]));
    this.people = order.map((index, place) => {
      const aside = BESIDE * (place - (people.length - 1) / 2), down = Math.max(...lowest) - lowest[index];
      return {...people[index], positions_m: people[index].positions_m.map(([x, y, z]) => [x + aside, y + down, z])};
    });
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
    const below = y - this.floor + HALF, far = FAR + 0.9 * Math.max(0, this.people.length - 1);
    const [down, depth] = [ce * below + se * away, far + ce * away - se * below];
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
      for (const [from, to] of [[[at, this.floor, -1.5], [at, this.floor, 1.5]], [[-1.5, this.floor, at], [1.5, this.floor, at]]]) {
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
