-- Functions as HEAD has them, over the live tables (contract, sections 1 and 3).

-- It compares a uuid with an integer and so can never succeed; without that it would still fail, on two columns
-- that no live table has (their names here are ours).
drop function public.restore_from_backup();
create function public.restore_from_backup() returns jsonb language plpgsql security definer as $$
declare
    v_backup_id uuid;
    n_articles integer;
    n_comments integer;
    n_feedbacks integer;
begin
    select backup_id into v_backup_id from backup_articles order by backup_created_at desc limit 1;
    if v_backup_id is null then
        return jsonb_build_object('success', false, 'message', 'Nenhum backup encontrado');
    end if;
    delete from comments where id > 0;
    delete from feedbacks where id > 0;
    delete from articles where id > 0;
    insert into articles (
        id, title, excerpt, content, image_url, category_id, author_id, published, created_at, updated_at, slug, tags,
        seo_title, seo_description
    )
    select
        original_id, title, excerpt, content, image_url, category_id, author_id, published, created_at, updated_at,
        slug, tags, null, null
    from backup_articles where backup_id = v_backup_id;
    get diagnostics n_articles = row_count;
    insert into comments (id, article_id, user_name, content, created_at)
    select original_id, article_id, user_name, content, created_at from backup_comments
    where backup_id = v_backup_id;
    get diagnostics n_comments = row_count;
    insert into feedbacks (id, article_id, type, user_id, content, created_at)
    select original_id, article_id, type, user_id, content, created_at from backup_feedbacks
    where backup_id = v_backup_id;
    get diagnostics n_feedbacks = row_count;
    insert into backup_logs (action_type, records_affected, details, success)
    values (
        'restore', n_articles + n_comments + n_feedbacks, format('Restore do Backup ID: %s', v_backup_id), true
    );
    return jsonb_build_object(
        'success', true, 'message', 'Restauração concluída', 'backup_id', v_backup_id,
        'articles_count', n_articles, 'comments_count', n_comments, 'feedbacks_count', n_feedbacks,
        'total_records', n_articles + n_comments + n_feedbacks
    );
exception when others then
    insert into backup_logs (action_type, records_affected, details, success)
    values ('restore', 0, format('Erro: %s', sqlerrm), false);
    return jsonb_build_object('success', false, 'error', sqlerrm, 'error_code', sqlstate);
end
$$;

-- The joins multiply each other's rows, and a backup without articles is not listed.
create function public.list_backups() returns jsonb language sql security definer as $$
    select coalesce(jsonb_agg(to_jsonb(one) order by one.created_at desc), '[]'::jsonb)
    from (
        select
            a.backup_id, max(a.backup_created_at) as created_at, count(a.id) as articles_count,
            count(c.id) as comments_count, count(f.id) as feedbacks_count
        from public.backup_articles as a
        left join public.backup_comments as c on c.backup_id = a.backup_id
        left join public.backup_feedbacks as f on f.backup_id = a.backup_id
        group by a.backup_id
    ) as one
$$;

drop function public.insert_system_log(text, text, jsonb);
create function public.insert_system_log(p_type text, p_message text, p_context jsonb default null) returns void
language sql security definer as $$
    insert into public.system_logs (type, message, context) values (p_type, p_message, p_context)
$$;
