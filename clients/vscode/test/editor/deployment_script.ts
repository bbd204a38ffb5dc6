/** PRODUCT's first scenario as a script: eight chunks, a check, a deployment, a report. */

const PROGRAM = "ZORDERS";

/** What the model says before each chunk, and the chunk. */
const WRITTEN: readonly (readonly [string, string])[] = [
  [
    "I begin with the header and the type of a line.",
    `REPORT zorders.

TYPES: BEGIN OF ty_order,
         id    TYPE c LENGTH 10,
         day   TYPE d,
         value TYPE p LENGTH 8 DECIMALS 2,
       END OF ty_order.
DATA gt_orders TYPE STANDARD TABLE OF ty_order WITH EMPTY KEY.
`,
  ],
  ["The selection screen asks how far back to look.", "PARAMETERS p_days TYPE i DEFAULT 30.\n"],
  [
    "The main part says what happens, in order.",
    `START-OF-SELECTION.
  PERFORM read_orders.
  PERFORM sort_by_age.
  PERFORM show_list.
  PERFORM show_total.
`,
  ],
  [
    "Only orders that are still open are read.",
    `FORM read_orders.
  DATA(lv_from) = CONV d( sy-datum - p_days ).
  " Open means: not rejected, and delivered in part at most.
  SELECT id, day, value
    FROM zorder
    WHERE day >= @lv_from AND status <> 'C'
    INTO TABLE @gt_orders.
ENDFORM.
`,
  ],
  ["The oldest come first.", "FORM sort_by_age.\n  SORT gt_orders BY day ASCENDING id ASCENDING.\nENDFORM.\n"],
  [
    "The list shows one line for each order.",
    `FORM show_list.
  LOOP AT gt_orders INTO DATA(ls_order).
    WRITE: / ls_order-id, ls_order-day, ls_order-value.
  ENDLOOP.
ENDFORM.
`,
  ],
  [
    "The total goes below it.",
    `FORM show_total.
  DATA(lv_total) = REDUCE ty_order-value(
    INIT sum = CONV ty_order-value( 0 )
    FOR ls IN gt_orders
    NEXT sum = sum + ls-value ).
  WRITE: / |Total { lv_total }|.
ENDFORM.
`,
  ],
  ["A footer closes the page.", "FORM show_footer.\n  WRITE: / 'As of', sy-datum.\nENDFORM.\n"],
];

export const CHUNKS = WRITTEN.length;
export const QUESTION = "Write a report of all open orders, and deploy it.";
/** The model's last words. */
const REPORT = "The report is deployed: it lists every open order by its age.";
/** All that the answer says. */
export const TEXTS = [...WRITTEN.map(([text]) => text), REPORT];
/** What is stored at the service in the end. */
export const SOURCE = WRITTEN.map(([, code]) => code).join("");

/** The status bar's texts for the run, in order. */
export const STATUSES = [
  ...WRITTEN.map((_, index) => `Storing chunk ${index + 1}/${CHUNKS}... ${Math.floor(((index + 1) * 100) / CHUNKS)}%`),
  "Checking syntax... 100%",
  "Deploying code to SAP... 100%",
  "✓ Complete",
];

/** Matches what is shown once the n-th chunk (from 1) was stored, and whatever comes after it. */
export const reached = (chunk: number) => new RegExp(`Storing chunk [${chunk}-${CHUNKS}]|Checking|Deploying|Complete`);

const store = (text: string, code: string, index: number, rest: number) => `
  - - pause: ${rest}
    - say: ${JSON.stringify(`${text}\n\n`)}
    - call: mcp_store_code_chunk
      input: {program: ${PROGRAM}, chunk_index: ${index}, total_chunks: ${CHUNKS}, code: ${JSON.stringify(code)}}`;

/** `rate`: characters a second; `rest`: seconds that each step at least stays on show. */
const deployment = (rate: number, rest: number) => `about: eight chunks, a check, a deployment
rate: ${rate}
piece: 5
scenes:${WRITTEN.map(([text, code], index) => store(text, code, index, index ? rest : 0)).join("")}
  - - pause: ${rest}
    - call: mcp_check_syntax
      input: {program: ${PROGRAM}}
  - - pause: ${rest}
    - call: mcp_deploy_stored_code
      input: {program: ${PROGRAM}}
  - - pause: ${rest}
    - say: ${JSON.stringify(REPORT)}
`;

/** About 25 seconds: time for pictures and interruptions. */
export const DEPLOYMENT = deployment(120, 1);
/** About 15 seconds. */
export const BRISK_DEPLOYMENT = deployment(400, 0.8);
