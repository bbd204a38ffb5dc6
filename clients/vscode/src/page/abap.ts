/** ABAP for the highlighter: enough to read by, not a parser. */
import type { HLJSApi, Language } from "highlight.js";

const KEYWORDS =
  "abstract add alias aliases all and any append appending as ascending assert assign assigned assigning at authority-check auxiliary " +
  "begin between binary by byte-mode call case cast catch changing check class class-data class-method class-methods clear close collect " +
  "commit component concatenate condense cond constants continue controls conv convert corresponding count create data default define " +
  "definition deferred delete descending describe detail distinct do during editor-call else elseif empty end end-of-definition " +
  "end-of-selection endat endcase endclass enddo endform endfunction endif endinterface endloop endmethod endmodule endprovide endselect " +
  "endtry endwhile equiv escape event events exact except exception exceptions excluding exit export exporting extended fetch field " +
  "field-symbols fields filter final find first for form format free friends from function function-pool generate get group handler hashed " +
  "hide id if implementation import importing in include index inheriting initial initialization inner input insert instance interface " +
  "interfaces intersecting into is join key last leave left length let like line line-size lines load local loop lower matchcode " +
  "message message-id method methods mod mode modify module move move-corresponding new new-line new-page next no no-gap no-heading not " +
  "null object obligatory occurs of off on open optional options or order others output overlay pack parameter parameters perform " +
  "pf-status position preferred private program protected public raise raising range ranges read receive receiving redefinition reduce ref " +
  "refresh register reject replace report required reserve resumable return returning right rollback rows scroll search section select " +
  "select-options selection-screen separated set shift short single skip sort sorted space split standard start-of-selection static " +
  "statics stop structure submit subtract sum suppress switch syntax-check table tables target text then throw times title to " +
  "transfer translate transporting trim try type type-pool type-pools types uline under unique up update upper user-command using value " +
  "values when where while width window with without work write xor";
const TYPES = "any c clike csequence d data decfloat16 decfloat34 f i int8 n numeric p string t utclong x xsequence xstring abap_bool";
const LITERALS = "abap_true abap_false abap_undefined sy-subrc sy-tabix sy-index sy-datum sy-uzeit sy-uname sy-lsind";

export function abap(hljs: HLJSApi): Language {
  // The library's types leave out that `$pattern` may be given here. Words with hyphens are one word.
  const words = { $pattern: /[a-z][a-z0-9_]*(?:-[a-z0-9_]+)*/, keyword: KEYWORDS, type: TYPES, literal: LITERALS } as unknown as string;
  const template = { className: "subst", begin: /\{/, end: /\}/, keywords: words };
  return {
    name: "ABAP",
    case_insensitive: true,
    keywords: words,
    contains: [
      { className: "comment", begin: /^\*/, end: /$/ },
      { className: "comment", begin: /"/, end: /$/ },
      { className: "meta", begin: /##[A-Z0-9_]+(?:\[[^\]]*\])*/ },
      { className: "string", begin: /'/, end: /'/, contains: [{ begin: /''/ }] },
      { className: "string", begin: /`/, end: /`/, contains: [{ begin: /``/ }] },
      { className: "string", begin: /\|/, end: /\|/, contains: [{ begin: /\\[\\|{}nrt]/ }, template] },
      { className: "variable", begin: /<[a-z_][a-z0-9_]*>/ },
      { className: "variable", begin: /@[a-z_][a-z0-9_]*/ },
      { className: "title", begin: /(?:=>|->)[a-z_~][a-z0-9_~]*/ },
      hljs.C_NUMBER_MODE,
    ],
  };
}
