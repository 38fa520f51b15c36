-- What a backup is worth is known here and not from the place that it lies in: a copy counts when it was proved.

create table if not exists ops.copies (
    id bigint generated always as identity primary key,
    asset text not null,
    partition_key text not null,
    -- the table, the file in the landing store, or the application's own number of the backup
    name text not null,
    made_at timestamptz not null,
    proved boolean not null,
    rows bigint not null,
    bytes bigint,
    details jsonb not null default '{}',
    run_id text not null,
    removed_at timestamptz
);

create unique index if not exists copies_by_name on ops.copies (asset, name);

create index if not exists copies_newest on ops.copies (asset, proved, made_at desc);

create table if not exists ops.drills (
    id bigint generated always as identity primary key,
    asset text not null,
    copy_name text not null,
    equal boolean not null,
    seconds double precision not null,
    details jsonb not null default '{}',
    run_id text not null,
    drilled_at timestamptz not null default now()
);

create index if not exists drills_newest on ops.drills (asset, drilled_at desc);

-- One alert and one error row for a failed day, however often it is tried.
create table if not exists ops.alerts (
    id bigint generated always as identity primary key,
    asset text not null,
    partition_key text not null,
    kind text not null,
    delivered_by text,
    details jsonb not null default '{}',
    run_id text not null,
    alerted_at timestamptz not null default now()
);

create unique index if not exists alerts_once on ops.alerts (asset, partition_key, kind);

create table if not exists ops.decisions (
    id bigint generated always as identity primary key,
    asset text not null,
    partition_key text not null,
    decision text not null,
    details jsonb not null default '{}',
    run_id text not null,
    decided_at timestamptz not null default now()
);

create index if not exists decisions_newest on ops.decisions (asset, partition_key, id desc);
