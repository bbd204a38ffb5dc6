/** Elements without HTML text: what the model says only ever becomes text nodes and attributes chosen here. */

type Child = Node | string | null;

/** An element with properties (`class`, `aria-…`, `on…` listeners and plain attributes) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Record<string, string | boolean | ((event: Event) => void)> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A button with a name for people who do not see its icon. */
export function button(label: string, onclick: () => void, properties: Record<string, string | boolean> = {}): HTMLButtonElement {
  return h("button", { type: "button", title: label, "aria-label": label, ...properties, onclick });
}

/** Makes `parent` hold exactly `children`, touching only what differs, so that focus and scroll positions stay. */
export function arrange(parent: Element, children: readonly Element[]): void {
  children.forEach((child, at) => {
    const there = parent.children[at];
    if (there !== child) parent.insertBefore(child, there ?? null);
  });
  while (parent.children.length > children.length) parent.lastElementChild!.remove();
}

/** Writes text only when it changed: screen readers announce every write of a live region. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
