-- The project's own functions as section 3 of the contract describes them: SECURITY DEFINER without a fixed
-- search_path, failures caught and returned as JSON.
create function public.backup_all_data() returns json language plpgsql security definer as $$
declare
    v_backup_id uuid := gen_random_uuid();
    n_articles integer;
    n_comments integer;
    n_feedbacks integer;
    n_backend integer;
    n_app integer;
    n_system integer;
    n_total integer;
begin
    truncate backend_logs_backup;
    truncate app_logs_backup;
    truncate system_logs_backup;

    insert into backup_articles (
        backup_id, original_id, title, excerpt, content, image_url, category_id, author_id, published, created_at,
        updated_at, slug, tags, approval_rate, positive_feedback, negative_feedback, total_views, total_likes,
        positive_feedbacks, negative_feedbacks, comments_count, likes_count, is_featured, is_featured_manual
    )
    select
        v_backup_id, id, title, excerpt, content, image_url, category_id, author_id, published, created_at,
        updated_at, slug, tags, approval_rate, positive_feedback, negative_feedback, total_views, total_likes,
        positive_feedbacks, negative_feedbacks, comments_count, likes_count, is_featured, is_featured_manual
    from articles;
    get diagnostics n_articles = row_count;

    insert into backup_comments (backup_id, original_id, article_id, user_name, content, created_at)
    select v_backup_id, id, article_id, user_name, content, created_at from comments;
    get diagnostics n_comments = row_count;

    insert into backup_feedbacks (backup_id, original_id, article_id, type, user_id, content, created_at)
    select v_backup_id, id, article_id, type, user_id, content, created_at from feedbacks;
    get diagnostics n_feedbacks = row_count;

    insert into backend_logs_backup (id, table_name, action, record_id, old_data, new_data, performed_by, created_at)
    select id, table_name, action, record_id::text, old_data, new_data, performed_by, created_at
    from backend_logs where created_at >= now() - interval '30 days';
    get diagnostics n_backend = row_count;

    insert into app_logs_backup (id, level, source, action, details, user_id, created_at)
    select id, level, source, action, details, user_id, created_at
    from app_logs where created_at >= now() - interval '30 days';
    get diagnostics n_app = row_count;

    insert into system_logs_backup (id, type, message, context, created_at)
    select id, type, message, context, created_at
    from system_logs where created_at >= now() - interval '30 days';
    get diagnostics n_system = row_count;

    n_total := n_articles + n_comments + n_feedbacks + n_backend + n_app + n_system;
    insert into system_logs (type, message, context) values (
        'backup', 'Backup concluído com sucesso',
        jsonb_build_object(
            'backup_id', v_backup_id, 'total_records', n_total, 'articles', n_articles, 'comments', n_comments,
            'feedbacks', n_feedbacks, 'backend_logs', n_backend, 'app_logs', n_app, 'system_logs', n_system
        )
    );
    insert into backup_logs (action_type, records_affected, details, success) values (
        'backup', n_total,
        format(
            'Backup ID: %s - artigos %s, comentários %s, feedbacks %s, backend %s, app %s, sistema %s',
            v_backup_id, n_articles, n_comments, n_feedbacks, n_backend, n_app, n_system
        ),
        true
    );
    return json_build_object(
        'success', true, 'message', 'Backup realizado com sucesso', 'backup_id', v_backup_id,
        'total_records', n_total, 'articles_count', n_articles, 'comments_count', n_comments,
        'feedbacks_count', n_feedbacks, 'backend_logs_count', n_backend, 'app_logs_count', n_app,
        'system_logs_count', n_system
    );
exception when others then
    insert into system_logs (type, message, context)
    values ('error', 'Erro no backup', jsonb_build_object('error', sqlerrm, 'backup_id', v_backup_id));
    insert into backup_logs (action_type, records_affected, details, success)
    values ('backup', 0, format('Erro: %s - Backup ID: %s', sqlerrm, v_backup_id), false);
    return json_build_object(
        'success', false, 'message', 'Erro ao realizar backup', 'error', sqlerrm, 'backup_id', v_backup_id
    );
end
$$;
-- The first has no effect on a direct connection, the second overrides a shorter one of the caller (section 3.3).
alter function public.backup_all_data() set statement_timeout = '10min';
alter function public.backup_all_data() set lock_timeout = '30s';

-- The version that was live on 2025-10-30: it loses threads and likes.
create function public.restore_from_backup() returns json language plpgsql security definer as $$
declare
    v_backup_id uuid;
    n_all integer := 0;
    n integer;
begin
    select backup_id into v_backup_id from backup_articles order by backup_created_at desc limit 1;
    if v_backup_id is null then
        return json_build_object('success', false, 'message', 'Nenhum backup encontrado');
    end if;
    delete from comments where true;
    delete from feedbacks where true;
    delete from articles where true;
    insert into articles (
        id, title, excerpt, content, image_url, category_id, author_id, published, created_at, updated_at, slug, tags
    )
    select
        original_id, title, excerpt, content, image_url, category_id, author_id, published, created_at, updated_at,
        slug, tags
    from backup_articles where backup_id = v_backup_id;
    get diagnostics n = row_count;
    n_all := n_all + n;
    insert into comments (id, article_id, user_name, content, created_at)
    select original_id, article_id, user_name, content, created_at from backup_comments
    where backup_id = v_backup_id;
    get diagnostics n = row_count;
    n_all := n_all + n;
    insert into feedbacks (id, article_id, type, user_id, content, created_at)
    select original_id, article_id, type, user_id, content, created_at from backup_feedbacks
    where backup_id = v_backup_id;
    get diagnostics n = row_count;
    n_all := n_all + n;
    insert into backup_logs (action_type, records_affected, details, success)
    values ('restore', n_all, format('Backup ID: %s', v_backup_id), true);
    return json_build_object('success', true, 'records_affected', n_all, 'details', json_build_object('backup_id', v_backup_id));
exception when others then
    return json_build_object('success', false, 'error', sqlerrm, 'error_code', sqlstate);
end
$$;

-- The older shape; at HEAD it returns nothing.
create function public.insert_system_log(p_type text, p_message text, p_context jsonb default null) returns bigint
language plpgsql security definer as $$
declare
    v_id bigint;
begin
    insert into system_logs (type, message, context) values (p_type, p_message, p_context) returning id into v_id;
    return v_id;
end
$$;

create function public.get_backup_logs(limit_count integer default 10)
returns table (
    id uuid, action_type varchar, created_at timestamptz, records_affected integer, details text, success boolean
)
language plpgsql security definer as $$
begin
    return query
    select log.id, log.action_type, log.created_at, log.records_affected, log.details, log.success
    from backup_logs as log order by log.created_at desc limit limit_count;
end
$$;

-- Raises 42P01 where pg_cron is not installed, as in this box.
create function public.get_backup_cron_status()
returns table (jobname text, schedule text, active boolean, description text)
language plpgsql security definer as $$
begin
    return query
    select job.jobname::text, job.schedule::text, job.active, 'Backup automático'
    from cron.job as job where job.jobname in ('auto-backup-daily', 'auto-backup-secondary');
end
$$;

-- Looks at one type only and wants both cron jobs; each call while overdue adds a row.
create function public.check_backup_health() returns jsonb language plpgsql security definer as $$
declare
    v_last timestamptz;
    v_hours numeric;
    n_jobs integer := 0;
begin
    select max(created_at) into v_last from system_logs where type = 'backup_success';
    v_hours := coalesce(extract(epoch from now() - v_last) / 3600, 999);
    if to_regclass('cron.job') is not null then
        select count(*) into n_jobs from get_backup_cron_status() where active;
    end if;
    if v_hours > 25 then
        insert into system_logs (type, message) values ('backup_overdue_alert', 'Backup atrasado');
    end if;
    return jsonb_build_object(
        'last_backup_time', v_last, 'hours_since_backup', round(v_hours, 2), 'backup_overdue', v_hours > 25,
        'cron_jobs_active', n_jobs, 'cron_jobs_expected', 2, 'system_healthy', v_hours <= 25 and n_jobs = 2,
        'checked_at', now()
    );
end
$$;

-- Despite its name it deletes log rows only, never a backup.
create function public.cleanup_old_backups() returns json language plpgsql security definer as $$
declare
    n_backup integer;
    n_other integer;
begin
    delete from system_logs
    where type in ('backup_start', 'backup_success', 'backup_error') and created_at < now() - interval '90 days';
    get diagnostics n_backup = row_count;
    delete from system_logs
    where type not in ('backup_start', 'backup_success', 'backup_error') and created_at < now() - interval '30 days';
    get diagnostics n_other = row_count;
    return json_build_object('success', true, 'deleted', n_backup + n_other);
end
$$;
