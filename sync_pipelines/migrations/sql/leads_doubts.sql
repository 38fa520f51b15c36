-- What is known of a lead at the destination may be void: a column that was dropped there and made again is empty.
-- A doubted lead counts as unchanged only after it was read there again and found equal. Additive and repeatable.

alter table ops.lead_exchanges add column if not exists doubted boolean not null default false;
