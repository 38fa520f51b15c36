-- The queries that the requirement gives for its dashboard (section 7.2.1) and its alerts (7.3), as views. They are
-- read with the reader's own rights, so nobody sees through them what his role may not see in the tables.

create or replace view public.monitor_executions_24h with (security_invoker = true) as
select
    status,
    count(*) as total,
    avg(records_processed) as avg_records,
    max(completed_at - started_at) as max_duration
from public.automation_executions
where started_at >= now() - interval '24 hours'
group by status;

create or replace view public.monitor_errors_24h with (security_invoker = true) as
select message, context, execution_id, created_at
from public.system_logs
where level = 'ERROR' and created_at >= now() - interval '24 hours'
order by created_at desc;

create or replace view public.monitor_hourly_7d with (security_invoker = true) as
select
    date_trunc('hour', started_at) as hora,
    count(*) as execucoes,
    avg(records_processed) as media_registros,
    avg(extract(epoch from (completed_at - started_at))) as duracao_media_segundos
from public.automation_executions
where started_at >= now() - interval '7 days' and status = 'completed'
group by date_trunc('hour', started_at)
order by hora desc;

create or replace view public.monitor_health with (security_invoker = true) as
select
    rules.type, found.count,
    format(rules.message, found.count) as message
from (
    values
        ('FAILED_EXECUTIONS', '%s execuções falharam nas últimas 2 horas'),
        ('STUCK_EXECUTIONS', '%s execuções travadas há mais de 1 hora')
) as rules (type, message)
cross join lateral (
    select count(*) as count
    from public.automation_executions
    where
        rules.type = 'FAILED_EXECUTIONS' and status = 'failed' and started_at >= now() - interval '2 hours'
        or rules.type = 'STUCK_EXECUTIONS' and status = 'running' and started_at <= now() - interval '1 hour'
) as found;

do $$
begin
    if exists (select from pg_roles where rolname = 'anon') then
        revoke all on public.monitor_executions_24h, public.monitor_errors_24h, public.monitor_hourly_7d,
            public.monitor_health from anon;
    end if;
    revoke all on public.monitor_executions_24h, public.monitor_errors_24h, public.monitor_hourly_7d,
        public.monitor_health from public;
    if exists (select from pg_roles where rolname = 'authenticated') then
        -- monitor_errors_24h reads system_logs, which is not for them.
        revoke all on public.monitor_executions_24h, public.monitor_errors_24h, public.monitor_hourly_7d,
            public.monitor_health from authenticated;
        grant select on public.monitor_executions_24h, public.monitor_hourly_7d, public.monitor_health
            to authenticated;
    end if;
    if exists (select from pg_roles where rolname = 'service_role') then
        grant select on public.monitor_executions_24h, public.monitor_errors_24h, public.monitor_hourly_7d,
            public.monitor_health to service_role;
    end if;
end
$$;
