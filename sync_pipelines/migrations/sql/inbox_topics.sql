-- One inbox for all topics. A row is known by its key, a text; rows from before, and of a receiver that was not
-- started anew yet, have lead_id alone, so that readers take coalesce(key, lead_id::text). Nothing is rewritten: the
-- webhook must not wait for a large inbox. Additive and repeatable.

alter table ops.inbox add column if not exists topic text not null default 'scouter/leads';
alter table ops.inbox add column if not exists key text;
alter table ops.inbox alter column lead_id drop not null;

create index if not exists inbox_by_topic on ops.inbox (topic, status, id);
create index if not exists inbox_by_key on ops.inbox (topic, coalesce(key, lead_id::text), id);
