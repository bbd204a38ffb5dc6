-- Version 1. Times are milliseconds since the epoch. JSON columns are bytes; nothing here looks inside.
create table if not exists meta (key text primary key, value text not null) strict, without rowid;

create table if not exists chat (
    no integer primary key,
    id text not null unique,
    user text not null,
    title text not null,
    created_at integer not null,
    updated_at integer not null
) strict;
create index if not exists chat_by_user on chat (user, updated_at desc);

create table if not exists run (
    no integer primary key autoincrement,
    id text not null unique,
    chat_no integer not null references chat (no),
    user text not null,
    key_id text not null,
    status text not null,
    owner text not null,             -- incarnation of the process that runs it; '' = released
    epoch integer not null,          -- fence: raised by every take-over
    attempts integer not null default 0,
    cancel integer not null default 0,
    request blob not null,
    labels blob not null,
    created_at integer not null,
    started_at integer,
    finished_at integer,
    last_seq integer,                -- set when finished
    trimmed integer not null default 0,
    result blob,
    rating text,
    comment text
) strict;
create index if not exists run_live on run (chat_no, no) where status in ('queued', 'running');
create index if not exists run_of_key on run (key_id) where status in ('queued', 'running');
create index if not exists run_finished on run (finished_at) where finished_at is not null and trimmed = 0;
create index if not exists run_created on run (created_at);
create index if not exists run_of_chat on run (chat_no);

create table if not exists event (        -- one event a row, or several of one name that were written together
    run_no integer not null,
    seq integer not null,            -- of the last event of the row
    epoch integer not null,
    event text not null,
    data blob not null,              -- a line for each
    primary key (run_no, seq)
) strict, without rowid;

create table if not exists message (      -- the committed steps: a run's checkpoints and a chat's history
    no integer primary key,
    chat_no integer not null references chat (no),
    run_no integer,
    turn integer not null,
    role text not null,
    key text not null,
    content blob not null,
    meta blob not null,
    at integer not null
) strict;
create index if not exists message_of_chat on message (chat_no, no);
create index if not exists message_of_run on message (run_no, no);

create table if not exists effect (       -- the ledger: the intent before, the result after
    key text primary key,
    run_no integer not null,
    started_at integer not null,
    done_at integer,
    result blob
) strict, without rowid;

create table if not exists pending (      -- questions to viewers: client tool calls and approvals
    run_no integer not null,
    key text not null,
    kind text not null,
    expires_at integer not null,
    question blob not null,
    answer blob,
    answered_by text,
    closed integer not null default 0,
    primary key (run_no, key)
) strict, without rowid;

create table if not exists idempotency (
    user text not null,
    key text not null,
    digest blob not null,
    run_no integer not null,
    expires_at integer not null,
    primary key (user, key)
) strict, without rowid;

create table if not exists api_key (
    id text primary key,
    user text not null,
    hash blob not null,
    admin integer not null,
    created_at integer not null,
    revoked_at integer
) strict, without rowid;

create table if not exists ticket (
    hash blob primary key,
    key_id text not null,
    expires_at integer not null
) strict, without rowid;

create table if not exists audit (
    no integer primary key,
    at integer not null,
    user text not null,
    action text not null,
    detail blob not null
) strict;

create table if not exists program (
    no integer primary key,
    user text not null,
    name text not null,
    language text,
    total integer not null,
    updated_at integer not null,
    unique (user, name)
) strict;

create table if not exists chunk (
    program_no integer not null references program (no),
    idx integer not null,
    code text not null,
    primary key (program_no, idx)
) strict, without rowid;

create table if not exists deployment (
    program_no integer not null references program (no),
    target text not null,
    version integer,
    sha256 text not null,
    tool_call_id text not null,
    at integer not null,
    primary key (program_no, target)
) strict, without rowid;
