-- Supabase preloads the extension safeupdate for sessions of the API, even inside SECURITY DEFINER functions: DELETE
-- and UPDATE without WHERE raise 21000 (contract, section 3.3). The extension is not at hand here, so triggers read
-- the statement that fired them, in sessions that say `set sandbox.safeupdate = on`.
create function public.sandbox_safeupdate() returns trigger language plpgsql as $$
declare
    v_stack text;
    v_statement text;
begin
    if current_setting('sandbox.safeupdate', true) is distinct from 'on' then
        return null;
    end if;
    get diagnostics v_stack = pg_context;
    v_statement := coalesce(substring(v_stack from 'SQL statement "(.*?)"(?:\n|$)'), current_query());
    if v_statement ~* '^\s*(delete|update)\y' and v_statement !~* '\ywhere\y' then
        raise cardinality_violation using message = tg_op || ' requires a WHERE clause';
    end if;
    return null;
end
$$;

do $$
declare
    name text;
begin
    foreach name in array array[
        'articles', 'comments', 'feedbacks', 'backup_articles', 'backup_comments', 'backup_feedbacks', 'backup_logs',
        'system_logs', 'app_logs', 'backend_logs', 'alert_subscriptions'
    ] loop
        execute format(
            'create trigger sandbox_safeupdate before delete or update on public.%I'
            ' for each statement execute function public.sandbox_safeupdate()', name
        );
    end loop;
end
$$;
