/** Code to coloured elements, by highlight.js' grammars through lowlight: a tree comes out, never HTML text. */
import bash from "highlight.js/lib/languages/bash";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import markdown from "highlight.js/lib/languages/markdown";
import python from "highlight.js/lib/languages/python";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";
import { abap } from "./abap.js";
import { h } from "./dom.js";

const lowlight = createLowlight({ abap, bash, css, diff, java, javascript, json, markdown, python, sql, typescript, xml, yaml });
lowlight.registerAlias({ abap: ["abap-oo", "sap"], xml: ["cds-xml"], sql: ["cds", "amdp"] });

/** Beyond this the colours cost more than they help. */
const MAX_LENGTH = 50_000;

interface TreeNode {
  type: string;
  value?: string;
  tagName?: string;
  properties?: { className?: string[] };
  children?: TreeNode[];
}

/** The code's nodes; plain text for a language that is not known. */
export function highlighted(code: string, language: string): Node[] {
  const name = language.toLowerCase();
  if (!lowlight.registered(name) || code.length > MAX_LENGTH) return [document.createTextNode(code)];
  return (lowlight.highlight(name, code).children as TreeNode[]).map(toNode);
}

function toNode(node: TreeNode): Node {
  if (node.type === "text") return document.createTextNode(node.value ?? "");
  return h("span", { class: (node.properties?.className ?? []).join(" ") }, ...(node.children ?? []).map(toNode));
}
