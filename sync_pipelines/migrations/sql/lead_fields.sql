-- What the reverse sync must know to merge field by field: how each field of a lead was last seen at Gestão Scouter,
-- and what is being written there. Hashes only: no value of a lead is in these tables. Additive and repeatable.

-- Which hash of `fields` belongs to which destination column (and transform). A list is never changed.
create table if not exists ops.lead_field_lists (
    id uuid primary key,
    fields text[] not null
);

-- Sixteen characters a field, in the order of its list: `fields` as last seen there and dealt with. `stamp` is the
-- last_sync_at of our last write; `history` what was seen before, newest first: [[stamp of then, {field: hash}], …].
-- `seen_digest` is the row itself as the server wrote it, `seen_version` the updated_at of the row that was merged last
-- since. `here_version` is when somebody last changed the lead in TabuladorMax, if we have dated it anew since.
alter table ops.lead_exchanges add column if not exists field_list uuid;
alter table ops.lead_exchanges add column if not exists fields text;
alter table ops.lead_exchanges add column if not exists stamp timestamptz;
alter table ops.lead_exchanges add column if not exists history jsonb;
alter table ops.lead_exchanges add column if not exists seen_digest uuid;
alter table ops.lead_exchanges add column if not exists seen_version timestamptz;
alter table ops.lead_exchanges add column if not exists here_version timestamptz;

-- Written before a lead is sent, deleted when it was read back: what a killed push has left to be looked at.
create table if not exists ops.lead_writes (
    destination text not null,
    lead_id bigint not null,
    field_list uuid not null,
    fields text not null,
    stamp timestamptz not null,
    -- What the write dates the row; null where the destination dates its rows itself.
    updated_at timestamptz,
    run_id text not null,
    begun_at timestamptz not null default now(),
    primary key (destination, lead_id)
);
