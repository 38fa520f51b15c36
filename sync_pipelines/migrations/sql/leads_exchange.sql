-- What is known of leads on their way to Gestão Scouter and back: the last accepted exchange of each, what the schema
-- doctor last saw, and the durable inbox of the webhook. Holds personal data only in the inbox.

create table if not exists ops.lead_exchanges (
    -- the other side, by its address: another project begins anew
    destination text not null,
    lead_id bigint not null,
    -- md5 of the mapped fields but for updated_at, as Postgres writes them (sync_pipelines/scouter/mapping/rendering.py)
    content_hash uuid not null,
    updated_at timestamptz,
    direction text not null check (direction in ('pushed', 'taken_back')),
    run_id text not null,
    exchanged_at timestamptz not null default now(),
    primary key (destination, lead_id)
);

create table if not exists ops.schema_reports (
    destination text primary key,
    mapping_hash text not null,
    report jsonb not null,
    checked_at timestamptz not null default now()
);

create table if not exists ops.inbox (
    id bigint generated always as identity primary key,
    source text not null,
    lead_id bigint not null,
    payload jsonb not null,
    received_at timestamptz not null default now(),
    status text not null default 'waiting' check (status in ('waiting', 'applied', 'ignored', 'rejected')),
    reason text,
    decided_at timestamptz,
    run_id text
);

create index if not exists inbox_by_status on ops.inbox (status, id);
create index if not exists inbox_by_lead on ops.inbox (lead_id, id);
