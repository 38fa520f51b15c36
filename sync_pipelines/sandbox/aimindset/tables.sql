-- The AIMindset project in its live-like shape (contract of the backup, section 4), written from the description.
grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;

create table public.articles (
    id uuid primary key default gen_random_uuid(),
    title text not null,
    excerpt text not null,
    content text not null,
    image_url text,
    category_id uuid,
    author_id uuid,
    published boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    slug text not null unique,
    tags text,
    approval_rate numeric default 0,
    positive_feedback integer default 0,
    negative_feedback integer default 0,
    total_views integer default 0,
    total_likes integer default 0,
    positive_feedbacks integer default 0,
    negative_feedbacks integer default 0,
    comments_count integer default 0,
    likes_count integer default 0,
    is_featured boolean default false,
    is_featured_manual boolean default false,
    -- later than the backup function, hence in no copy of it
    scheduled_for timestamptz,
    scheduled_by uuid,
    scheduling_reason text,
    scheduling_status text,
    original_publish_date timestamptz
);

create table public.comments (
    id uuid primary key default gen_random_uuid(),
    article_id uuid not null references public.articles (id) on delete cascade,
    user_name text not null check (char_length(user_name) between 2 and 50),
    content text not null check (char_length(content) between 10 and 500),
    created_at timestamptz not null default now(),
    parent_id uuid references public.comments (id) on delete cascade,
    likes integer not null default 0,
    user_id uuid,
    user_avatar_url text
);

create table public.feedbacks (
    id uuid primary key default gen_random_uuid(),
    article_id uuid references public.articles (id) on delete cascade,
    type text not null,
    user_id text,
    content text,
    created_at timestamptz not null default now(),
    updated_at timestamptz default now()
);

create table public.backup_articles (
    id uuid primary key default gen_random_uuid(),
    backup_id uuid not null,
    original_id uuid not null,
    title text not null,
    excerpt text not null,
    content text not null,
    image_url text,
    category_id uuid,
    author_id uuid,
    published boolean not null,
    created_at timestamptz,
    updated_at timestamptz,
    slug text not null,
    tags text,
    approval_rate numeric,
    positive_feedback integer,
    negative_feedback integer,
    total_views integer,
    total_likes integer,
    positive_feedbacks integer,
    negative_feedbacks integer,
    comments_count integer,
    likes_count integer,
    is_featured boolean,
    is_featured_manual boolean,
    backup_created_at timestamptz default now()
);

create table public.backup_comments (
    id uuid primary key default gen_random_uuid(),
    backup_id uuid not null,
    original_id uuid not null,
    article_id uuid not null,
    user_name text not null,
    content text not null,
    created_at timestamptz,
    parent_id uuid,
    likes integer default 0,
    backup_created_at timestamptz default now()
);

create table public.backup_feedbacks (
    id uuid primary key default gen_random_uuid(),
    backup_id uuid not null,
    original_id uuid not null,
    article_id uuid not null,
    type text not null,
    user_id text,
    content text,
    created_at timestamptz,
    updated_at timestamptz,
    backup_created_at timestamptz default now()
);

create index backup_articles_backup_id on public.backup_articles (backup_id);
create index backup_articles_created on public.backup_articles (backup_created_at);
create index backup_comments_backup_id on public.backup_comments (backup_id);
create index backup_feedbacks_backup_id on public.backup_feedbacks (backup_id);

create table public.backend_logs (
    id bigserial primary key,
    table_name text not null,
    action text not null check (action in ('INSERT', 'UPDATE', 'DELETE')),
    record_id uuid,
    old_data jsonb,
    new_data jsonb,
    performed_by text,
    created_at timestamptz not null default now()
);

create table public.app_logs (
    id bigserial primary key,
    level text not null check (level in ('info', 'warn', 'error')),
    source text,
    action text,
    details jsonb,
    user_id text,
    created_at timestamptz not null default now()
);

create table public.system_logs (
    id bigserial primary key,
    type text not null,
    message text not null,
    context jsonb,
    created_at timestamptz default now()
);

create table public.backend_logs_backup (
    id bigint primary key,
    table_name text,
    action text,
    record_id text,
    old_data jsonb,
    new_data jsonb,
    performed_by text,
    created_at timestamptz not null,
    backup_created_at timestamptz default now()
);

create table public.app_logs_backup (
    id bigint primary key,
    level text,
    source text,
    action text,
    details jsonb,
    user_id text,
    created_at timestamptz not null,
    backup_created_at timestamptz default now()
);

create table public.system_logs_backup (
    id bigint primary key,
    type text,
    message text,
    context jsonb,
    created_at timestamptz not null,
    backup_created_at timestamptz default now()
);

create table public.backup_logs (
    id uuid primary key default gen_random_uuid(),
    action_type varchar(20) not null check (action_type in ('backup', 'restore')),
    created_at timestamptz default now(),
    records_affected integer default 0,
    details text,
    success boolean default true
);

create index backup_logs_created_at on public.backup_logs (created_at desc);
create index backup_logs_action_type on public.backup_logs (action_type);

create table public.alert_subscriptions (
    id uuid primary key default gen_random_uuid(),
    email text not null unique,
    created_at timestamptz default now(),
    is_active boolean default true
);

-- The same shape, and read by nothing: subscribers here get no mail.
create table public.alert_subscribers (like public.alert_subscriptions including all);

-- Dead: left by earlier attempts, written by nothing.
create table public.articles_backup (like public.articles);
create table public.comments_backup (like public.comments);
create table public.feedbacks_backup (like public.feedbacks);

do $$
declare
    name text;
begin
    foreach name in array array[
        'articles', 'comments', 'feedbacks', 'backup_articles', 'backup_comments', 'backup_feedbacks',
        'backend_logs', 'app_logs', 'system_logs', 'backend_logs_backup', 'app_logs_backup',
        'system_logs_backup', 'backup_logs', 'alert_subscriptions', 'alert_subscribers', 'articles_backup',
        'comments_backup', 'feedbacks_backup'
    ] loop
        execute format('alter table public.%I enable row level security', name);
    end loop;
    -- As found: the copies are open to everybody. The other tables without a policy are for the owner and
    -- service_role; the real log copies also let administrators in, whom this box does not have.
    foreach name in array array['backup_articles', 'backup_comments', 'backup_feedbacks'] loop
        execute format('create policy %I on public.%I for all using (true)', name || '_all', name);
    end loop;
    foreach name in array array['articles', 'comments', 'feedbacks', 'system_logs'] loop
        execute format('create policy %I on public.%I for select using (true)', name || '_read', name);
    end loop;
end
$$;
create policy backup_logs_read on public.backup_logs for all to authenticated using (true);

-- It sends nothing: it adds a row. `auto_backup` and its like do not fire it.
create function public.process_automatic_alert() returns trigger language plpgsql security definer as $$
begin
    if tg_table_name = 'app_logs' then
        if new.level = 'error' then
            insert into public.system_logs (type, message, context)
            values ('alert_generated', coalesce(new.action, 'app'), jsonb_build_object('origin', new.id));
        end if;
    elsif new.type in ('security', 'database', 'api', 'error') then
        insert into public.system_logs (type, message, context)
        values ('alert_generated', new.message, jsonb_build_object('origin', new.id));
    end if;
    return new;
end
$$;
create trigger system_logs_alert after insert on public.system_logs
    for each row execute function public.process_automatic_alert();
create trigger app_logs_alert after insert on public.app_logs
    for each row execute function public.process_automatic_alert();

create function public.audit_row() returns trigger language plpgsql security definer as $$
begin
    insert into public.backend_logs (table_name, action, record_id, old_data, new_data, performed_by)
    values (
        tg_table_name, tg_op, coalesce(new.id, old.id),
        case when tg_op <> 'INSERT' then to_jsonb(old) end, case when tg_op <> 'DELETE' then to_jsonb(new) end,
        current_user
    );
    return null;
end
$$;
create trigger articles_audit after insert or update or delete on public.articles
    for each row execute function public.audit_row();
create trigger comments_audit after insert or update or delete on public.comments
    for each row execute function public.audit_row();
create trigger feedbacks_audit after insert or update or delete on public.feedbacks
    for each row execute function public.audit_row();

create function public.count_comments() returns trigger language plpgsql security definer as $$
begin
    update public.articles set comments_count = (
        select count(*) from public.comments where article_id = coalesce(new.article_id, old.article_id)
    ) where id = coalesce(new.article_id, old.article_id);
    return null;
end
$$;
create trigger comments_counter after insert or delete on public.comments
    for each row execute function public.count_comments();

create function public.count_feedbacks() returns trigger language plpgsql security definer as $$
begin
    update public.articles as article set
        positive_feedbacks = (
            select count(*) from public.feedbacks where article_id = article.id and type = 'positive'
        ),
        negative_feedbacks = (
            select count(*) from public.feedbacks where article_id = article.id and type = 'negative'
        )
    where article.id = coalesce(new.article_id, old.article_id);
    return null;
end
$$;
create trigger feedbacks_counter after insert or delete on public.feedbacks
    for each row execute function public.count_feedbacks();
