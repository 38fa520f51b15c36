-- Of a lead that is doubted: the columns that may be empty because they were made again; '*' is any of them. What is
-- doubted already is so altogether. Additive and repeatable.

alter table ops.lead_exchanges add column if not exists doubted_columns text[] not null default '{*}';
