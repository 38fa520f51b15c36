-- Our own database: what was landed, what was refused, what was proved. It holds raw rows of other people's
-- systems, so nothing but this project connects to it.

create schema if not exists ops;

create table if not exists ops.landed_files (
    id bigint generated always as identity primary key,
    asset text not null,
    path text not null,
    sha256 text not null,
    bytes bigint not null,
    status text not null check (status in ('landed', 'usable', 'refused')),
    reason text,
    content_digest text,
    sheet_digest text,
    details jsonb not null default '{}',
    run_id text not null,
    landed_at timestamptz not null default now()
);

create index if not exists landed_files_newest on ops.landed_files (asset, status, id desc);
create index if not exists landed_files_sheet on ops.landed_files (asset, sheet_digest);

create table if not exists ops.landed_partitions (
    landed_id bigint not null references ops.landed_files (id) on delete cascade,
    partition_key text not null,
    content jsonb not null,
    primary key (landed_id, partition_key)
);

create table if not exists ops.rejects (
    id bigint generated always as identity primary key,
    asset text not null,
    partition_key text,
    run_id text not null,
    landed_id bigint references ops.landed_files (id) on delete set null,
    source_row integer not null,
    column_name text not null,
    value text,
    rule text not null,
    reason text not null,
    raw jsonb not null,
    rejected_at timestamptz not null default now()
);

create index if not exists rejects_by_run on ops.rejects (run_id);
create index if not exists rejects_by_asset on ops.rejects (asset, rejected_at desc);

create table if not exists ops.proofs (
    id bigint generated always as identity primary key,
    asset text not null,
    partition_key text not null,
    run_id text not null,
    source_version text not null,
    source jsonb not null,
    destination jsonb not null,
    holds boolean not null,
    problem text,
    proved_at timestamptz not null default now()
);

create index if not exists proofs_newest on ops.proofs (asset, partition_key, id desc);
