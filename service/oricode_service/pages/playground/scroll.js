/** Keeps the latest line in sight, unless the person scrolled up to read. */
const NEAR = 80;

export class StickyScroll {
  #sticks = true;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLButtonElement} toEnd shown while the end is out of sight
   */
  constructor(scroller, toEnd) {
    this.scroller = scroller;
    this.toEnd = toEnd;
    scroller.addEventListener("scroll", () => this.#look(), { passive: true });
    toEnd.addEventListener("click", () => {
      this.jump();
      scroller.focus({ preventScroll: true });
    });
  }

  /** Call after the content grew. */
  follow() {
    if (this.#sticks) this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#look();
  }

  /** To the end, and stay there. */
  jump() {
    this.#sticks = true;
    this.follow();
  }

  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    this.#sticks = scrollHeight - scrollTop - clientHeight < NEAR;
    this.toEnd.hidden = this.#sticks;
  }
}
