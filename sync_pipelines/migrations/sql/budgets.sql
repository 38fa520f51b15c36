-- The calls of the last windows, so that runs, systems and machines share what an API allows. A scope is what the API
-- counts by, such as a key (its digest, never the key itself). Whoever asks deletes what has expired.

create table if not exists ops.budget_calls (
    scope text not null,
    called_at timestamptz not null,
    -- no window looks back further
    expires_at timestamptz not null
);

create index if not exists budget_calls_newest on ops.budget_calls (scope, called_at desc);

-- Who calls, such as a segment: the one whose turn is longest ago goes first. A party that dies leaves its row; after a
-- moment nobody waits for it.
create table if not exists ops.budget_parties (
    party text primary key,
    scopes text[] not null,
    seen_at timestamptz not null,
    -- when it may call, if it waits
    ready_at timestamptz,
    served_at timestamptz
);

create table if not exists ops.budget_blocks (
    scope text primary key,
    blocked_until timestamptz not null
);
