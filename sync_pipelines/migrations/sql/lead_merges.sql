-- The reverse sync in TabuladorMax: conflicts, and what a merge saw at Gestão Scouter. Both are written in the
-- transaction that writes the leads, so that neither can be lost. Additive and repeatable.

create schema if not exists sync_private;

-- A field that both sides changed. Values are JSON texts as Gestão Scouter writes them; they may be personal data.
create table if not exists sync_private.lead_conflicts (
    id bigint generated always as identity primary key,
    lead_id bigint not null,
    field text not null,
    source_column text not null,
    here_value text,
    there_value text,
    here_updated_at timestamptz,
    there_updated_at timestamptz,
    kept text not null check (kept in ('here', 'there')),
    reason text not null,
    run_id text not null,
    decided_at timestamptz not null default now(),
    -- A person's choice: the value that was kept, or the other one.
    chosen text check (chosen in ('kept', 'other')),
    chosen_at timestamptz
);

create index if not exists lead_conflicts_open on sync_private.lead_conflicts (decided_at) where chosen is null;

-- On its way to the ops database, which is another one: copied there after the commit, then deleted here.
create table if not exists sync_private.leads_merged (
    destination text not null,
    lead_id bigint not null,
    seen jsonb not null,
    primary key (destination, lead_id)
);
