-- Ends the session of ours that writes the n-th time in this database, in the statement: a server that dies under us.
create schema if not exists strike;
create sequence if not exists strike.writes;
create table if not exists strike.plan (at bigint not null);

create or replace function strike.count() returns trigger language plpgsql as $$
begin
    if current_setting('application_name') = 'sync_pipelines'
        and nextval('strike.writes') = (select p.at from strike.plan as p) then
        perform pg_terminate_backend(pg_backend_pid());
    end if;
    return null;
end
$$;
