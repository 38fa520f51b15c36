-- `restore_from_backup()` at HEAD, which compares a uuid with an integer and so can never succeed (contract, fact 5).
drop function public.restore_from_backup();
create function public.restore_from_backup() returns jsonb language plpgsql security definer as $$
declare
    v_backup_id uuid;
begin
    select backup_id into v_backup_id from backup_articles order by backup_created_at desc limit 1;
    if v_backup_id is null then
        return jsonb_build_object('success', false, 'message', 'Nenhum backup encontrado');
    end if;
    execute 'delete from comments where id > 0';
    return jsonb_build_object('success', true, 'backup_id', v_backup_id);
exception when others then
    return jsonb_build_object('success', false, 'error', sqlerrm, 'error_code', sqlstate);
end
$$;
