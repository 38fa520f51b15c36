-- Which imports the function analyze-credits has seen in which state (contract of the ERPs, section 3).

create table if not exists sync_private.credit_analyses (
    import_id uuid primary key references public.xml_imports (id) on delete cascade,
    user_id uuid not null,
    connection_id uuid references public.erp_connections (id) on delete set null,
    -- The content that is to be analysed, and the one that was.
    wanted uuid not null,
    analysed uuid,
    analysed_at timestamptz,
    credits integer,
    error text
);
create index if not exists idx_credit_analyses_due on sync_private.credit_analyses (user_id)
    where analysed is distinct from wanted;

-- Notifications that the function made at our calls; of those of a day one is kept.
create table if not exists sync_private.credit_notifications (
    notification_id uuid primary key,
    user_id uuid not null,
    day date not null,
    credits integer not null default 0
);
