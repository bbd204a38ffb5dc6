-- Version 1: the tables of the SQLite store and three of its own (instance, rate_window, and functions for what must be
-- one statement). Times are milliseconds since the epoch; JSON columns are bytea, nothing here looks inside.

create table meta (key text primary key, value text not null);

create table instance (                   -- one row per incarnation of a process; its lease and its fence
    id text primary key,
    lease_until timestamptz not null,     -- on this database's clock
    dead boolean not null default false   -- final: whoever owns the row is refused every write
) with (fillfactor = 20);                 -- renewed all the time: room for updates in place

create table chat (
    no bigint generated always as identity primary key,
    id text not null unique,
    "user" text not null,
    title text not null,
    created_at bigint not null,
    updated_at bigint not null
);
create index chat_by_user on chat ("user", updated_at desc);

create table run (
    no bigint generated always as identity primary key,
    id text not null unique,
    chat_no bigint not null references chat (no),
    "user" text not null,
    key_id text not null,
    status text not null,
    owner text not null,                  -- id of the instance that runs it; '' = released
    epoch integer not null,               -- fence: raised by every take-over
    attempts integer not null default 0,
    cancel boolean not null default false,
    request bytea not null,
    labels bytea not null,
    created_at bigint not null,
    started_at bigint,
    finished_at bigint,
    last_seq integer,                     -- set when finished
    trimmed boolean not null default false,
    result bytea,
    rating text,
    comment text
);
create index run_live on run (chat_no, no) where status in ('queued', 'running');
create index run_of_key on run (key_id) where status in ('queued', 'running');
create index run_of_owner on run (owner) where status in ('queued', 'running');
create index run_finished on run (finished_at) where finished_at is not null and not trimmed;
create index run_created on run (created_at);
create index run_of_chat on run (chat_no);

create table event (
    run_no bigint not null,
    seq integer not null,
    epoch integer not null,
    event text not null,
    data bytea not null,
    primary key (run_no, seq)
);

create table message (                    -- the committed steps: a run's checkpoints and a chat's history
    no bigint generated always as identity primary key,
    chat_no bigint not null references chat (no),
    run_no bigint,
    turn integer not null,
    role text not null,
    key text not null,
    content bytea not null,
    meta bytea not null,
    at bigint not null
);
create index message_of_chat on message (chat_no, no);
create index message_of_run on message (run_no, no);

create table effect (                     -- the ledger: the intent before, the result after
    key text primary key,
    run_no bigint not null,
    started_at bigint not null,
    done_at bigint,
    result bytea
);
create index effect_of_run on effect (run_no);

create table pending (                    -- questions to viewers: client tool calls and approvals
    run_no bigint not null,
    key text not null,
    kind text not null,
    expires_at bigint not null,
    question bytea not null,
    answer bytea,
    answered_by text,
    closed boolean not null default false,
    primary key (run_no, key)
);

create table idempotency (
    "user" text not null,
    key bytea not null,                   -- as sent, in UTF-8: text columns refuse NUL and lone surrogates
    digest bytea not null,
    run_no bigint not null,
    expires_at bigint not null,
    primary key ("user", key)
);
create index idempotency_of_run on idempotency (run_no);

create table api_key (
    id text primary key,
    "user" text not null,
    hash bytea not null,
    admin boolean not null,
    created_at bigint not null,
    revoked_at bigint
);

create table ticket (
    hash bytea primary key,
    key_id text not null,
    expires_at bigint not null
);

create table audit (
    no bigint generated always as identity primary key,
    at bigint not null,
    "user" text not null,
    action text not null,
    detail bytea not null
);

create table program (
    no bigint generated always as identity primary key,
    "user" text not null,
    name text not null,
    language text,
    total integer not null,
    updated_at bigint not null,
    unique ("user", name)
);

create table chunk (
    program_no bigint not null references program (no),
    idx integer not null,
    code text not null,
    primary key (program_no, idx)
);

create table deployment (
    program_no bigint not null references program (no),
    target text not null,
    version integer,
    sha256 text not null,
    tool_call_id text not null,
    at bigint not null,
    primary key (program_no, target)
);

create unlogged table rate_window (       -- unlogged: no write-ahead log, no wait; emptied by a crash, which is harmless
    key text primary key,
    count integer not null,
    ends_at timestamptz not null
);

-- Whether instance `me` may write. The lock it takes is held until the end of the calling statement, so that nobody can
-- take over in between; FOR SHARE and not FOR KEY SHARE, which would let the take-over's update pass.
create function alive(me text) returns boolean language plpgsql as $$
begin
    perform 1 from instance where id = me and not dead for share;
    return found;
end $$;

-- Events and operations of a group commit, all or nothing; the ends of runs come last. `durability` is what the commit waits for
-- (synchronous_commit). Returns the runs that may start now because the run before them in their chat ended; null when
-- `me` was declared dead: then only what the outside world did is recorded.
create function commit_log(
    me text, durability text,
    runs bigint[], seqs integer[], epochs integer[], events text[], datas bytea[],
    kinds text[], op_runs bigint[], op_chats bigint[], turns integer[], words text[], keys text[], times bigint[],
    bodies bytea[], metas bytea[]
) returns bigint[] language plpgsql as $$
#variable_conflict use_column
declare
    op record;
    freed bigint[] := '{}';
begin
    perform set_config('synchronous_commit', durability, true);
    if not alive(me) then
        update effect set done_at = o.time, result = o.body
        from unnest(kinds, keys, times, bodies) as o(kind, key, time, body)
        where o.kind = 'finish_effect' and effect.key = o.key and done_at is null;
        return null;
    end if;
    insert into event (run_no, seq, epoch, event, data)
    select * from unnest(runs, seqs, epochs, events, datas);
    -- What nearly every commit holds is done in one statement for all runs; what is rare, one by one.
    insert into message (chat_no, run_no, turn, role, key, content, meta, at)
    select o.chat_no, o.run_no, o.turn, o.word, o.key, o.body, o.meta, o.at
    from unnest(kinds, op_runs, op_chats, turns, words, keys, times, bodies, metas)
        with ordinality as o(kind, run_no, chat_no, turn, word, key, at, body, meta, place)
    where o.kind = 'add_message' order by o.place;
    if kinds && '{start_effect, finish_effect, ask, close_question}' then
        for op in
            select * from unnest(kinds, op_runs, words, keys, times, bodies) as o(kind, run_no, word, key, at, body)
        loop
            case op.kind
                when 'start_effect' then
                    insert into effect (key, run_no, started_at) values (op.key, op.run_no, op.at);
                when 'finish_effect' then
                    update effect set done_at = op.at, result = op.body where key = op.key and done_at is null;
                when 'ask' then
                    insert into pending (run_no, key, kind, expires_at, question)
                    values (op.run_no, op.key, op.word, op.at, op.body);
                when 'close_question' then
                    update pending set closed = true where run_no = op.run_no and key = op.key and answer is null;
                else
                    null;
            end case;
        end loop;
    end if;
    if 'finish_run' = any(kinds) then
        with ended as (
            update run set status = o.word, finished_at = o.at, result = o.body, labels = coalesce(o.meta, labels),
                last_seq = (select max(seq) from event where run_no = run.no)
            from unnest(kinds, op_runs, words, times, bodies, metas) as o(kind, run_no, word, at, body, meta)
            where o.kind = 'finish_run' and run.no = o.run_no
            returning run.no, run.chat_no, run.finished_at
        ), closed as (
            update pending set closed = true from ended where pending.run_no = ended.no and answer is null
        ), touched as (
            update chat set updated_at = ended.at
            from (select chat_no, max(finished_at) as at from ended group by chat_no) ended where chat.no = ended.chat_no
        )
        select array_agg(next.no) into freed
        from ended join run next on next.chat_no = ended.chat_no and next.status = 'queued';
    end if;
    return coalesce(freed, '{}');
end $$;

-- A new run, or why not. Verdicts: fresh, again (the idempotency key's run), reused, no_chat, busy, too_many, fenced.
create function create_run(
    me text, run_id text, chat_id text, new_chat boolean, of_user text, of_key text, chat_title text, run_request bytea,
    run_labels bytea, if_busy text, idempotency_key bytea, body_digest bytea, idempotent_until bigint, max_live integer,
    at bigint
) returns table (verdict text, run_no bigint, chat_no bigint, busy bigint[]) language plpgsql as $$
#variable_conflict use_variable
declare
    used record;
begin
    if not alive(me) then
        verdict := 'fenced'; return next; return;
    end if;
    if idempotency_key is not null then
        perform pg_advisory_xact_lock(1, hashtext(of_user || encode(idempotency_key, 'hex')));
        select i.digest, i.run_no into used from idempotency i
        where i."user" = of_user and i.key = idempotency_key and i.expires_at > at;
        if found then
            verdict := case when used.digest = body_digest then 'again' else 'reused' end;
            run_no := used.run_no; return next; return;
        end if;
    end if;
    if max_live > 0 then
        perform pg_advisory_xact_lock(2, hashtext(of_key));
    end if;
    if not new_chat then
        -- The lock orders the runs of a chat: nobody gets a later number and is committed earlier.
        select c.no into chat_no from chat c where c.id = chat_id and c."user" = of_user for update;
        if not found then
            verdict := 'no_chat'; return next; return;
        end if;
        busy := array(
            select r.no from run r where r.chat_no = chat_no and r.status in ('queued', 'running') order by r.no
        );
        if cardinality(busy) > 0 and if_busy = 'reject' then
            verdict := 'busy'; return next; return;
        end if;
    end if;
    if max_live > 0 and max_live <= (
        select count(*) from run r where r.key_id = of_key and r.status in ('queued', 'running')
    ) then
        verdict := 'too_many'; return next; return;
    end if;
    if if_busy = 'interrupt' then
        update run set cancel = true where run.no = any(busy);
    end if;
    if new_chat then
        insert into chat (id, "user", title, created_at, updated_at) values (chat_id, of_user, chat_title, at, at)
        returning chat.no into chat_no;
    else
        update chat set updated_at = at where chat.no = chat_no;
    end if;
    insert into run (id, chat_no, "user", key_id, status, owner, epoch, request, labels, created_at, started_at)
    values (
        run_id, chat_no, of_user, of_key, case when cardinality(busy) > 0 then 'queued' else 'running' end, me, 1,
        run_request, run_labels, at, case when cardinality(busy) > 0 then null else at end
    ) returning run.no into run_no;
    if idempotency_key is not null then
        insert into idempotency ("user", key, digest, run_no, expires_at)
        values (of_user, idempotency_key, body_digest, run_no, idempotent_until)
        on conflict ("user", key) do update
        set digest = excluded.digest, run_no = excluded.run_no, expires_at = excluded.expires_at;
    end if;
    verdict := 'fresh'; return next;
end $$;

-- Stores a chunk (see Programs.put_chunk). Returns the change and the indexes held; no row when `me` was declared dead.
create function put_chunk(
    me text, of_user text, of_program text, at_idx integer, of_total integer, chunk_code text, in_language text, now bigint
) returns table (change text, held integer[]) language plpgsql as $$
#variable_conflict use_variable
declare
    stored record;
    same boolean;
begin
    if not alive(me) then
        return;
    end if;
    insert into program ("user", name, language, total, updated_at)
    values (of_user, of_program, in_language, of_total, now)
    on conflict ("user", name) do nothing;
    select p.no, p.total into stored from program p where p."user" = of_user and p.name = of_program for update;
    if stored.total <> of_total then
        delete from chunk c where c.program_no = stored.no;
        change := 'restarted';
    else
        select c.code = chunk_code into same from chunk c where c.program_no = stored.no and c.idx = at_idx;
        change := case when not found then 'added' when same then 'unchanged' else 'replaced' end;
    end if;
    update program p set language = coalesce(in_language, p.language) where p.no = stored.no;
    if change <> 'unchanged' then
        update program p set total = of_total, updated_at = now where p.no = stored.no;
        insert into chunk (program_no, idx, code) values (stored.no, at_idx, chunk_code)
        on conflict (program_no, idx) do update set code = excluded.code;
    end if;
    held := array(select c.idx from chunk c where c.program_no = stored.no order by c.idx);
    return next;
end $$;
