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
    -- The credits that the function left, so that what somebody changed since shows.
    found uuid,
    error text,
    -- Calls whose notification was not looked for yet: each may have made one, answered or not.
    attempts integer not null default 0
);
create index if not exists idx_credit_analyses_due on sync_private.credit_analyses (user_id)
    where analysed is distinct from wanted;

-- Since when a user's calls have left traces that nobody tidied: a summary of one call alone, a notification each.
create table if not exists sync_private.credit_runs (
    user_id uuid primary key,
    since timestamptz not null,
    -- The summaries, and the notifications of the function, that were there before.
    known uuid[] not null default '{}'
);

-- The days of which we built the summary of a user.
create table if not exists sync_private.credit_summaries (
    user_id uuid not null,
    day date not null,
    built_at timestamptz not null,
    primary key (user_id, day)
);

-- The notification that stands for those that the function made at our calls, since when.
create table if not exists sync_private.credit_notifications (
    notification_id uuid primary key,
    user_id uuid not null,
    since timestamptz not null,
    credits integer not null
);
