-- The owner lets the log of backups say which were automatic (contract of the backup, fact 3 and section 2). The
-- CHECKs that look at action_type alone keep their names and all that they allowed, and allow one value more.

do $$
declare
    existing record;
begin
    -- The site writes to this table: whoever uses it is not made to wait behind us.
    set local lock_timeout = '2s';
    for existing in
        select conname, pg_get_expr(conbin, conrelid) as rule, convalidated
        from pg_constraint
        join pg_attribute on attrelid = conrelid and attname = 'action_type' and conkey = array[attnum]
        where conrelid = 'public.backup_logs'::regclass and contype = 'c'
    loop
        continue when existing.rule like '%''auto_backup''%';
        execute format(
            'alter table public.backup_logs drop constraint %1$I,'
            ' add constraint %1$I check ((%2$s) or action_type = ''auto_backup'')%3$s',
            existing.conname, existing.rule, case when not existing.convalidated then ' not valid' end
        );
    end loop;
end
$$;
