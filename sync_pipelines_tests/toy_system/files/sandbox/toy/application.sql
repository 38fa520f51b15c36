create table public.reading_runs (
    id uuid primary key default gen_random_uuid(),
    status text not null,
    started_at timestamptz not null default now(),
    completed_at timestamptz,
    loaded integer,
    rejected integer,
    error_message text,
    details jsonb not null default '{}'
);
insert into public.reading_runs (status, started_at) values ('running', now() - interval '2 days');
