-- What unwatched backups leave behind, here after three of them a week apart (contract, section 7, live evidence): the
-- log is no inventory of the copies, and a button of the panel claims a backup that nobody made.
with numbered as (
    select backup_id, row_number() over (order by min(backup_created_at), backup_id) as number
    from public.backup_articles group by backup_id
)
update public.backup_articles as copy set backup_created_at = now() - (4 - numbered.number) * interval '7 days'
from numbered where numbered.backup_id = copy.backup_id;
update public.backup_comments as copy set backup_created_at = (
    select max(backup_created_at) from public.backup_articles where backup_id = copy.backup_id
);
update public.backup_feedbacks as copy set backup_created_at = (
    select max(backup_created_at) from public.backup_articles where backup_id = copy.backup_id
);
update public.backup_logs as log set created_at = copy.made_at
from (select backup_id, max(backup_created_at) as made_at from public.backup_articles group by backup_id) as copy
where log.details like '%' || copy.backup_id || '%';
update public.system_logs as log set created_at = copy.made_at
from (select backup_id, max(backup_created_at) as made_at from public.backup_articles group by backup_id) as copy
where log.type = 'backup' and (log.context ->> 'backup_id')::uuid = copy.backup_id;

delete from public.backup_logs where created_at < now() - interval '20 days';
insert into public.system_logs (type, message, created_at)
values ('backup', 'Backup automático concluído com sucesso', now() - interval '2 days');
