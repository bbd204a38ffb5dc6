*&---------------------------------------------------------------------*
*& Part 1 of 8: report and types
*&---------------------------------------------------------------------*
*& Report ZORI_OPEN_ORDERS: open sales orders by age and customer.
*&
*& Lists every order item that is not fully delivered, sorts it into
*& age buckets and totals the open value per customer. The data comes
*& through LIF_ORDER_SOURCE; the sample source below lets the report
*& run on any system, one that reads VBAK and VBAP takes its place in
*& production.
*&---------------------------------------------------------------------*
REPORT zori_open_orders LINE-SIZE 120 NO STANDARD PAGE HEADING.

TYPES: BEGIN OF ty_item,
         order_id  TYPE c LENGTH 10,
         item_no   TYPE n LENGTH 6,
         customer  TYPE c LENGTH 10,
         material  TYPE c LENGTH 18,
         ordered   TYPE p LENGTH 8 DECIMALS 3,
         delivered TYPE p LENGTH 8 DECIMALS 3,
         price     TYPE p LENGTH 8 DECIMALS 2,
         currency  TYPE c LENGTH 5,
         requested TYPE d,
       END OF ty_item,
       ty_items TYPE STANDARD TABLE OF ty_item WITH EMPTY KEY.

TYPES: BEGIN OF ty_open_item,
         item       TYPE ty_item,
         open_qty   TYPE p LENGTH 8 DECIMALS 3,
         open_value TYPE p LENGTH 8 DECIMALS 2,
         days_late  TYPE i,
         bucket     TYPE i,
       END OF ty_open_item,
       ty_open_items TYPE STANDARD TABLE OF ty_open_item WITH EMPTY KEY.

TYPES: BEGIN OF ty_customer_total,
         customer   TYPE c LENGTH 10,
         currency   TYPE c LENGTH 5,
         items      TYPE i,
         late_items TYPE i,
         open_value TYPE p LENGTH 8 DECIMALS 2,
       END OF ty_customer_total,
       ty_customer_totals TYPE STANDARD TABLE OF ty_customer_total
                          WITH EMPTY KEY.

*&---------------------------------------------------------------------*
*& Part 2 of 8: selection screen
*&---------------------------------------------------------------------*
DATA gv_customer TYPE c LENGTH 10.

SELECTION-SCREEN BEGIN OF BLOCK selection WITH FRAME TITLE text-b01.
SELECT-OPTIONS s_cust FOR gv_customer.
PARAMETERS p_date TYPE d DEFAULT sy-datum OBLIGATORY.
PARAMETERS p_late AS CHECKBOX DEFAULT abap_false.
SELECTION-SCREEN END OF BLOCK selection.

SELECTION-SCREEN BEGIN OF BLOCK layout WITH FRAME TITLE text-b02.
PARAMETERS p_items RADIOBUTTON GROUP lay DEFAULT 'X'.
PARAMETERS p_total RADIOBUTTON GROUP lay.
PARAMETERS p_limit TYPE i DEFAULT 500.
SELECTION-SCREEN END OF BLOCK layout.

AT SELECTION-SCREEN.
  IF p_limit < 1.
    MESSAGE 'Enter a limit of at least one line' TYPE 'E'.
  ENDIF.

*&---------------------------------------------------------------------*
*& Part 3 of 8: where the order items come from
*&---------------------------------------------------------------------*
INTERFACE lif_order_source.
  METHODS read_items
    RETURNING
      VALUE(rt_items) TYPE ty_items.
ENDINTERFACE.

CLASS lcl_sample_source DEFINITION FINAL.
  PUBLIC SECTION.
    INTERFACES lif_order_source.
    METHODS constructor
      IMPORTING
        iv_key_date TYPE d.
  PRIVATE SECTION.
    DATA mv_key_date TYPE d.
ENDCLASS.

CLASS lcl_sample_source IMPLEMENTATION.
  METHOD constructor.
    mv_key_date = iv_key_date.
  ENDMETHOD.

  METHOD lif_order_source~read_items.
    rt_items = VALUE #(
      currency = 'EUR'
      ( order_id = '0000012001' item_no = '000010' customer = 'NORDWIND'
        material = 'PUMP-200' ordered = 12 delivered = 4
        price = '349.90' requested = mv_key_date - 3 )
      ( order_id = '0000012001' item_no = '000020' customer = 'NORDWIND'
        material = 'SEAL-17' ordered = 200 delivered = 200
        price = '2.15' requested = mv_key_date - 3 )
      ( order_id = '0000012044' item_no = '000010' customer = 'HELVETIA'
        material = 'VALVE-5' ordered = 40 delivered = 0
        price = '88.00' requested = mv_key_date - 21 )
      ( order_id = '0000012107' item_no = '000010' customer = 'HELVETIA'
        material = 'PUMP-350' ordered = 2 delivered = 1
        price = '1290.00' requested = mv_key_date + 10 )
      ( order_id = '0000011870' item_no = '000030' customer = 'ADRIA'
        material = 'MOTOR-9' ordered = 6 delivered = 2
        price = '540.50' requested = mv_key_date - 95 ) ).
  ENDMETHOD.
ENDCLASS.

*&---------------------------------------------------------------------*
*& Part 4 of 8: age buckets
*&---------------------------------------------------------------------*
CLASS lcl_age_buckets DEFINITION FINAL.
  PUBLIC SECTION.
    CONSTANTS: BEGIN OF c_bucket,
                 not_due  TYPE i VALUE 0,
                 week     TYPE i VALUE 1,
                 month    TYPE i VALUE 2,
                 quarter  TYPE i VALUE 3,
                 overaged TYPE i VALUE 4,
               END OF c_bucket.
    CLASS-METHODS bucket_of
      IMPORTING
        iv_days_late     TYPE i
      RETURNING
        VALUE(rv_bucket) TYPE i.
    CLASS-METHODS text_of
      IMPORTING
        iv_bucket      TYPE i
      RETURNING
        VALUE(rv_text) TYPE string.
ENDCLASS.

CLASS lcl_age_buckets IMPLEMENTATION.
  METHOD bucket_of.
    rv_bucket = COND #( WHEN iv_days_late <= 0  THEN c_bucket-not_due
                        WHEN iv_days_late <= 7  THEN c_bucket-week
                        WHEN iv_days_late <= 30 THEN c_bucket-month
                        WHEN iv_days_late <= 90 THEN c_bucket-quarter
                        ELSE c_bucket-overaged ).
  ENDMETHOD.

  METHOD text_of.
    CASE iv_bucket.
      WHEN c_bucket-not_due.
        rv_text = 'not due'.
      WHEN c_bucket-week.
        rv_text = 'up to a week'.
      WHEN c_bucket-month.
        rv_text = 'up to a month'.
      WHEN c_bucket-quarter.
        rv_text = 'up to a quarter'.
      WHEN OTHERS.
        rv_text = 'over a quarter'.
    ENDCASE.
  ENDMETHOD.
ENDCLASS.

*&---------------------------------------------------------------------*
*& Part 5 of 8: which items are open, and how late
*&---------------------------------------------------------------------*
CLASS lcl_open_items DEFINITION FINAL.
  PUBLIC SECTION.
    TYPES ty_customers TYPE RANGE OF ty_item-customer.
    METHODS constructor
      IMPORTING
        io_source   TYPE REF TO lif_order_source
        iv_key_date TYPE d.
    METHODS select
      IMPORTING
        it_customers   TYPE ty_customers
        iv_late_only   TYPE abap_bool
      RETURNING
        VALUE(rt_open) TYPE ty_open_items.
  PRIVATE SECTION.
    DATA mo_source TYPE REF TO lif_order_source.
    DATA mv_key_date TYPE d.
ENDCLASS.

CLASS lcl_open_items IMPLEMENTATION.
  METHOD constructor.
    mo_source = io_source.
    mv_key_date = iv_key_date.
  ENDMETHOD.

  METHOD select.
    DATA ls_open TYPE ty_open_item.
    DATA(lt_items) = mo_source->read_items( ).
    LOOP AT lt_items INTO DATA(ls_item) WHERE customer IN it_customers.
      IF ls_item-delivered >= ls_item-ordered.
        CONTINUE.
      ENDIF.
      CLEAR ls_open.
      ls_open-item = ls_item.
      ls_open-open_qty = ls_item-ordered - ls_item-delivered.
      ls_open-open_value = ls_open-open_qty * ls_item-price.
      ls_open-days_late = mv_key_date - ls_item-requested.
      ls_open-bucket = lcl_age_buckets=>bucket_of( ls_open-days_late ).
      IF iv_late_only = abap_true AND ls_open-days_late <= 0.
        CONTINUE.
      ENDIF.
      APPEND ls_open TO rt_open.
    ENDLOOP.
    SORT rt_open BY days_late DESCENDING item-order_id item-item_no.
  ENDMETHOD.
ENDCLASS.

*&---------------------------------------------------------------------*
*& Part 6 of 8: totals per customer
*&---------------------------------------------------------------------*
CLASS lcl_totals DEFINITION FINAL.
  PUBLIC SECTION.
    CLASS-METHODS by_customer
      IMPORTING
        it_open          TYPE ty_open_items
      RETURNING
        VALUE(rt_totals) TYPE ty_customer_totals.
ENDCLASS.

CLASS lcl_totals IMPLEMENTATION.
  METHOD by_customer.
    LOOP AT it_open INTO DATA(ls_open).
      READ TABLE rt_totals ASSIGNING FIELD-SYMBOL(<ls_total>)
        WITH KEY customer = ls_open-item-customer
                 currency = ls_open-item-currency.
      IF sy-subrc <> 0.
        APPEND VALUE #( customer = ls_open-item-customer
                        currency = ls_open-item-currency )
          TO rt_totals ASSIGNING <ls_total>.
      ENDIF.
      <ls_total>-items = <ls_total>-items + 1.
      <ls_total>-open_value = <ls_total>-open_value + ls_open-open_value.
      IF ls_open-days_late > 0.
        <ls_total>-late_items = <ls_total>-late_items + 1.
      ENDIF.
    ENDLOOP.
    SORT rt_totals BY open_value DESCENDING customer.
  ENDMETHOD.
ENDCLASS.

*&---------------------------------------------------------------------*
*& Part 7 of 8: the list
*&---------------------------------------------------------------------*
CLASS lcl_list DEFINITION FINAL.
  PUBLIC SECTION.
    METHODS constructor
      IMPORTING
        iv_limit TYPE i.
    METHODS show_items
      IMPORTING
        it_open TYPE ty_open_items.
    METHODS show_totals
      IMPORTING
        it_totals TYPE ty_customer_totals.
  PRIVATE SECTION.
    DATA mv_limit TYPE i.
ENDCLASS.

CLASS lcl_list IMPLEMENTATION.
  METHOD constructor.
    mv_limit = iv_limit.
  ENDMETHOD.

  METHOD show_items.
    FORMAT COLOR COL_HEADING.
    WRITE: / 'Order', 13 'Item', 21 'Customer', 33 'Material',
             53 'Open', 70 'Value', 84 'Days', 92 'Age'.
    FORMAT RESET.
    LOOP AT it_open INTO DATA(ls_open) TO mv_limit.
      DATA(lv_age) = lcl_age_buckets=>text_of( ls_open-bucket ).
      WRITE: / ls_open-item-order_id, 13 ls_open-item-item_no,
               21 ls_open-item-customer, 33 ls_open-item-material,
               53 ls_open-open_qty, 70 ls_open-open_value,
               84 ls_open-days_late, 92 lv_age.
    ENDLOOP.
    IF lines( it_open ) > mv_limit.
      WRITE: / 'The list was cut at', mv_limit, 'lines.'.
    ENDIF.
  ENDMETHOD.

  METHOD show_totals.
    FORMAT COLOR COL_HEADING.
    WRITE: / 'Customer', 13 'Items', 26 'Late', 38 'Open value'.
    FORMAT RESET.
    LOOP AT it_totals INTO DATA(ls_total) TO mv_limit.
      WRITE: / ls_total-customer, 13 ls_total-items,
               26 ls_total-late_items, 38 ls_total-open_value,
               60 ls_total-currency.
    ENDLOOP.
  ENDMETHOD.
ENDCLASS.

*&---------------------------------------------------------------------*
*& Part 8 of 8: the run
*&---------------------------------------------------------------------*
START-OF-SELECTION.
  DATA(go_items) = NEW lcl_open_items(
    io_source   = NEW lcl_sample_source( p_date )
    iv_key_date = p_date ).
  DATA(gt_open) = go_items->select(
    it_customers = s_cust[]
    iv_late_only = p_late ).

  IF gt_open IS INITIAL.
    MESSAGE 'No open order items for this selection' TYPE 'S'.
    RETURN.
  ENDIF.

  DATA(go_list) = NEW lcl_list( p_limit ).
  IF p_total = abap_true.
    go_list->show_totals( lcl_totals=>by_customer( gt_open ) ).
  ELSE.
    go_list->show_items( gt_open ).
  ENDIF.
