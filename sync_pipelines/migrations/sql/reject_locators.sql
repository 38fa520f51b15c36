-- Where a rejected value stands in its source: {"row": 12, "column": "Valor"} of a sheet, {"id": 7} of a record.
-- source_row and column_name stay for queries written before; they are null where the source is no sheet.
-- Additive and repeatable.

alter table ops.rejects add column if not exists locator jsonb not null default '{}';
alter table ops.rejects alter column source_row drop not null;
alter table ops.rejects alter column column_name drop not null;

update ops.rejects
set locator = jsonb_build_object('row', source_row, 'column', column_name)
where locator = '{}' and source_row is not null;
